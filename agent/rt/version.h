/* SPDX-License-Identifier: MIT */
/*
 * version.h - the one place the version is written
 *
 * Context  ANY: a macro. The Makefile, the man pages and --version read it here.
 */
#ifndef CP_RT_VERSION_H
#define CP_RT_VERSION_H

#define CP_VERSION "0.1.0"

#endif
