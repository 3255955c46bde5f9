/* SPDX-License-Identifier: MIT */
/*
 * span.c - what a walk may read of a stack we don't know the bounds of
 *
 * Context  HOST, SIGNAL
 * Calls    rt_sigprocmask, as a probe: 0.2 us, once per page and walk.
 * Holds, Fails, Why: span.h
 */
#include "span.h"

/* How far above its start a stack is followed that we don't know the end of. */
#define FOREIGN_MAX (1UL << 20)

CP_COLD bool cp_span_foreign(struct cp_span *s, uintptr_t sp)
{
	uintptr_t page = sp & ~(CP_PAGE - 1);

	if (sp < CP_PAGE || sp > UINTPTR_MAX - 2 * FOREIGN_MAX || !cp_sys_readable(page))
		return false;
	s->lo = sp - CP_CPU_RED_ZONE;
	if (s->lo < page && !cp_sys_readable(s->lo))
		s->lo = page;
	s->hi = page + CP_PAGE;
	s->max = page + FOREIGN_MAX;
	return true;
}

CP_COLD bool cp_span_grow(struct cp_span *s, uintptr_t addr)
{
	if (addr < s->lo || addr > s->max - 8)
		return false;
	while (s->hi < addr + 8) {
		if (!cp_sys_readable(s->hi))
			return false;
		s->hi += CP_PAGE;
	}
	return true;
}
