/* SPDX-License-Identifier: MIT */
/*
 * buildid.h - what a profile calls a build-id, before it goes anywhere
 *
 * Context  the cprof program.
 * Why      It becomes part of a URL, of a path and of a line of cprof-lines'
 *          protocol; and a profile may come from anyone.
 */
#ifndef CP_CLI_BUILDID_H
#define CP_CLI_BUILDID_H

#include "../agent/rt/base.h"

/* Whole bytes in hex, as many as the longest real one has; not so NULL and "". */
bool cp_buildid_is_sound(const char *id);

#endif
