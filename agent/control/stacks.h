/* SPDX-License-Identifier: MIT */
/*
 * stacks.h - every thread's stack and what it waits for, for people: what ?debug=2 answers
 *
 * Context  CONTROL; the caller holds cp_exclusive (exclusive.h)
 */
#ifndef CP_CONTROL_STACKS_H
#define CP_CONTROL_STACKS_H

#include "out.h"

/* 0 or -errno. */
int cp_stacks_write(struct cp_out *o, struct cp_arena *job);

#endif
