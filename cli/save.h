/* SPDX-License-Identifier: MIT */
/*
 * save.h - a profile into a file, whole or not at all
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_SAVE_H
#define CP_CLI_SAVE_H

#include "load.h"

/* To the file, or to standard output (NULL, "-"); the exit status. */
int cp_save(const struct cp_load *l, const char *path);

#endif
