/* SPDX-License-Identifier: MIT */
/*
 * span.h - the part of a stack one walk may read
 *
 * Context  HOST, SIGNAL. A span belongs to one walk.
 * Holds    Every byte of [lo, hi) can be read. hi only grows, up to `max`, and
 *          only by pages that were probed. On the thread's own stack hi == max
 *          from the start (the invariant of rt/thread.h), so nothing is probed.
 * Fails    A read outside is refused; the walk ends there.
 * Why      A system call per read costs more than the whole walk, and a SIGSEGV
 *          handler is the host's. One probe per page of a foreign stack is 0.2 us.
 */
#ifndef CP_SAMPLE_SPAN_H
#define CP_SAMPLE_SPAN_H

#include "../rt/across.h"
#include "../rt/base.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "cpu.h"

struct cp_span {
	uintptr_t lo, hi, max;
};

CP_INLINE bool cp_span_owns(const struct cp_thread *t, uintptr_t sp)
{
	return sp >= t->stack_lo && sp < t->stack_hi;
}

/* The thread's own stack, from sp up. Needs no probe. */
CP_INLINE void cp_span_own(struct cp_span *s, const struct cp_thread *t, uintptr_t sp)
{
	uintptr_t room = CP_MIN(sp - t->stack_lo, (uintptr_t)CP_CPU_RED_ZONE);

	s->lo = sp - room;
	s->hi = s->max = t->stack_hi & ~7UL;
}

/* Any other memory sp points to: nothing is known until it is probed. False: sp
 * itself can't be read. */
bool cp_span_foreign(struct cp_span *s, uintptr_t sp);
/* Makes the eight bytes at addr readable, if they can be. */
bool cp_span_grow(struct cp_span *s, uintptr_t addr);

CP_INLINE bool cp_span_has(struct cp_span *s, uintptr_t addr)
{
	return CP_LIKELY(addr - s->lo <= s->hi - s->lo - 8) || cp_span_grow(s, addr);
}

CP_INLINE bool cp_span_read(struct cp_span *s, uintptr_t addr, uintptr_t *v)
{
	if (!cp_span_has(s, addr))
		return false;
	*v = cp_word_across(addr);
	return true;
}

#endif
