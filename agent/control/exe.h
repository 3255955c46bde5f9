/* SPDX-License-Identifier: MIT */
/*
 * exe.h - the names of the program we are in
 *
 * Context  EARLY: cp_exe_init, cp_exe_file      ANY: cp_exe_name after the first
 * Holds    A file name's worth: no slash, no control bytes, no dot to begin with, at most
 *          96 bytes.
 */
#ifndef CP_CONTROL_EXE_H
#define CP_CONTROL_EXE_H

#include "../rt/base.h"

void cp_exe_init(void);
/* The last part of the path it was started by; profiles are named after it. */
const char *cp_exe_name(void);
/* The last part of the executable's own path: another one behind a link. */
const char *cp_exe_file(void);

#endif
