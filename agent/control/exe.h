/* SPDX-License-Identifier: MIT */
/*
 * exe.h - the name of the program we are in
 *
 * Context  EARLY: cp_exe_init      ANY: cp_exe_name after that
 * Holds    A file name's worth: no slash, no control bytes, at most 96 bytes.
 */
#ifndef CP_CONTROL_EXE_H
#define CP_CONTROL_EXE_H

#include "../rt/base.h"

void cp_exe_init(void);
const char *cp_exe_name(void);

#endif
