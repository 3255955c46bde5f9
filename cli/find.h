/* SPDX-License-Identifier: MIT */
/*
 * find.h - where a program's file is, by the rules of exec(3)
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_FIND_H
#define CP_CLI_FIND_H

#include "../agent/rt/base.h"

/* The path of a program named as on a command line, looked up in PATH when it has
 * no slash. 0, or -ENOENT, or -EACCES when all that was found can't be executed.
 * The caller frees *path. */
int cp_find_program(const char *name, char **path);

/* libcprof.so, beside this program or where `make install` put it relative to it;
 * NULL when it is nowhere there. The caller frees it. */
char *cp_find_library(void);
/* The same for cprof-lines, the program that reads debug data. */
char *cp_find_lines(void);

#endif
