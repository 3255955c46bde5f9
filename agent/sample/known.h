/* SPDX-License-Identifier: MIT */
/*
 * known.h - the number of a caller's stack, which a thread that comes by again has at hand
 *
 * Context  HOST
 * Holds    A walk is a function of the state it begins in, the rules, and the words of the
 *          stack it takes: return addresses, and the frame pointers that frames were found by.
 *          Of some walks a thread keeps all of these, with the number that came out of them;
 *          where each is as it was, so is the stack.
 *          An entry is written by the thread whose memo it lies in, and used by the one it
 *          names, while t->walking keeps a handler's walk away; in a forked child it is gone.
 * Why      Samples of one size class come from few places, with milliseconds between them: what
 *          a sample costs then are the lines it is the first to look at. To compare takes five of
 *          them; to walk, and to find the stack in its table, some sixty.
 */
#ifndef CP_SAMPLE_KNOWN_H
#define CP_SAMPLE_KNOWN_H

#include "walk.h"

#define CP_KNOWN_STACKS 8U
#define CP_KNOWN_WORDS	64U

struct cp_known {
	struct cp_regs from;	 /* where it begins; fp counts only if fp_live */
	uintptr_t leaf;		 /* the function that stands below, or 0 */
	struct cp_thread *owner; /* NULL: there is nothing */
	uint64_t gen;		 /* the generation of the rules */
	cp_sid sid;		 /* 0: it came by once, and wasn't kept */
	uint16_t words;
	bool fp_live;
	uint16_t at[CP_KNOWN_WORDS]; /* where each is, in words above from.sp */
	uintptr_t word[CP_KNOWN_WORDS];
} __attribute__((aligned(CP_CACHE_LINE)));

/* The stack of a caller (pc a return address), below it the function `leaf`, which nobody
 * walked to; 0: none. */
cp_sid cp_known_stack(struct cp_thread *t, const struct cp_regs *caller, uintptr_t leaf);

/* It will be asked for, with no leaf. */
void cp_known_soon(const struct cp_thread *t, const struct cp_regs *caller);

#endif
