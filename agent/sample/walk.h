/* SPDX-License-Identifier: MIT */
/*
 * walk.h - the stack walker: from registers to frames
 *
 * Context  HOST, SIGNAL: no lock, no allocation, no loader call but
 *          _dl_find_object, no lazy binding; every read is checked before it
 *          is made, depth and time are bounded.
 * Fails    A walk that can't go on ends there; the reason is counted (loss.h).
 */
#ifndef CP_SAMPLE_WALK_H
#define CP_SAMPLE_WALK_H

#include "../rt/base.h"
#include "../rt/thread.h"
#include "cpu.h"

#include <ucontext.h>

#define CP_WALK_MAX 128 /* frames; the leaf side is kept */

/* Where a walk starts. pc is exact for an interrupted thread, a return address
 * for a caller's frame. */
struct cp_regs {
	uintptr_t pc, sp, fp;
};

/* What lies below its caller's sp in a function that has a frame pointer. */
struct cp_frame_record {
	uintptr_t fp, pc; /* the caller's, and where the function returns to */
};

CP_INLINE struct cp_regs cp_regs_above(const struct cp_frame_record *r, uintptr_t sp)
{
	return (struct cp_regs){cp_cpu_strip(r->pc), sp, r->fp};
}

/* The registers of whoever called the function this macro stands in, which must be
 * noinline; __builtin_frame_address gives it a frame pointer. And the last of them alone, from
 * which the others can be had for as long as the function has not returned. */
#define CP_CALLER_REGS() cp_regs_above(__builtin_frame_address(0), CP_CALLER_SP())
#define CP_CALLER_SP()	 ((uintptr_t)__builtin_frame_address(0) + sizeof(struct cp_frame_record))

/* [EARLY] Maps the rule cache and the memo pool, and finds ourselves. 0 or -errno. */
int cp_walk_init(size_t bytes);

/* [HOST] Walks from a caller's registers (pc a return address): frames leaf first,
 * our own left out. Answers how many; *cut is set when the stack went deeper. */
unsigned cp_walk_caller(struct cp_thread *t, const struct cp_regs *r, cp_frame *out, unsigned max,
			bool *cut);

/* [SIGNAL] Walks from an interrupted context. t is the record of the thread
 * that was interrupted (which is this one). */
unsigned cp_walk_signal(struct cp_thread *t, const ucontext_t *uc, cp_frame *out, unsigned max,
			bool *cut);

/* [CONTROL] Walks a copy of a waiting thread's stack. t is no thread's record: it bounds
 * the copy, within which addresses have been moved to where it lies. exact: pc is where
 * the thread is. *whole: the outermost frame was reached, or max. */
unsigned cp_walk_copy(struct cp_thread *t, const struct cp_regs *r, bool exact, cp_frame *out,
		      unsigned max, bool *cut, bool *whole);

#endif
