/* SPDX-License-Identifier: MIT */
/*
 * inside.h - what the library in a running process says of itself
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_INSIDE_H
#define CP_CLI_INSIDE_H

#include "process.h"

/* The signal it answers to at this moment; 0: none; -1: that can't be known. */
int cp_inside_signal(const struct cp_process *p);

#endif
