/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the stack table: each distinct stack once, under a number
 *
 * Context  HOST, SIGNAL: cp_stack_intern      CONTROL: cp_stack_get
 * Shared   slots (claimed once by CAS), records (written before they are
 *          published, never changed after), in memory a forked child finds
 *          zeroed, which is an empty table.
 * Fails    Full: CP_SID_FULL, whose one frame is [table full]; counted.
 */
#ifndef CP_SAMPLE_STACK_H
#define CP_SAMPLE_STACK_H

#include "../rt/base.h"

#define CP_SID_NONE 0U /* renders as [no stack] */
#define CP_SID_FULL 1U /* renders as [table full] */

struct cp_stack {
	uint64_t hash;
	uint32_t n;
	uint32_t cut;	  /* 1: deeper than the walker goes; render [truncated] at the root */
	cp_frame frame[]; /* leaf first */
};

int cp_stack_init(size_t bytes);
cp_sid cp_stack_intern(const cp_frame *frame, unsigned n, bool cut);
/* Never NULL for a number cp_stack_intern gave in this process. */
const struct cp_stack *cp_stack_get(cp_sid sid);
uint32_t cp_stack_count(void);

#endif
