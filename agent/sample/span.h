/* SPDX-License-Identifier: MIT */
/*
 * span.h - the part of a stack one walk may read
 *
 * Context  HOST, SIGNAL. A span belongs to one walk.
 * Holds    The thread's own stack can't go away while it runs on it (the invariant of
 *          rt/thread.h, and cp_probe_unreadable): it is read in place. Any other memory may,
 *          between a look and a read: the kernel copies a window of it, and that is read.
 * Fails    A read outside, or of what can't be read, is refused; the walk ends there.
 *          In a sandbox: as peek.h.
 * Why      A system call per read costs more than the whole walk, and a SIGSEGV
 *          handler is the host's. A window holds some three frames.
 */
#ifndef CP_SAMPLE_SPAN_H
#define CP_SAMPLE_SPAN_H

#include "../rt/across.h"
#include "../rt/base.h"
#include "../rt/thread.h"
#include "cpu.h"

#define CP_SPAN_WINDOW 256U

struct cp_span {
	uintptr_t lo, max; /* nothing outside is read */
	uintptr_t near;	   /* bytes from lo on at which a word may be read in place */
	uintptr_t at;	   /* where the window's memory is; so many words of it were copied */
	uintptr_t words;
	uintptr_t word[CP_SPAN_WINDOW / sizeof(uintptr_t)];
};

CP_INLINE bool cp_span_owns(const struct cp_thread *t, uintptr_t sp)
{
	return sp >= t->stack_lo && sp < t->stack_hi;
}

/* The thread's own stack, from sp up. */
CP_INLINE void cp_span_own(struct cp_span *s, const struct cp_thread *t, uintptr_t sp)
{
	uintptr_t room = CP_MIN((uintptr_t)CP_CPU_RED_ZONE, sp - t->stack_lo);

	s->lo = sp - room;
	s->max = t->stack_hi & ~7UL;
	s->near = s->max - s->lo - 7;
}

/* Any other memory sp points to. False: sp itself can't be read. */
bool cp_span_foreign(struct cp_span *s, uintptr_t sp);
/* Reads the word at addr, if it can be, where that isn't near. */
bool cp_span_far(struct cp_span *s, uintptr_t addr, uintptr_t *v);

/* May the word at addr be read where it is? */
CP_INLINE bool cp_span_near(const struct cp_span *s, uintptr_t addr)
{
	return CP_LIKELY(addr - s->lo < s->near);
}

CP_INLINE bool cp_span_read(struct cp_span *s, uintptr_t addr, uintptr_t *v)
{
	if (!cp_span_near(s, addr))
		return cp_span_far(s, addr, v);
	*v = cp_word_across(addr);
	return true;
}

#endif
