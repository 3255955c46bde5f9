/* SPDX-License-Identifier: MIT */
/*
 * span.c - what a walk may read of a stack that isn't the thread's own
 *
 * Context  HOST, SIGNAL      EARLY: cp_probe_unreadable
 * Calls    peek.h: a system call per window.
 * Holds, Fails, Why: span.h
 */
#include "span.h"

#include "../probe.h"
#include "peek.h"

/* How far above its start a stack is followed that we don't know the end of. */
#define FOREIGN_MAX (1UL << 20)
/* So much below what is asked for is copied as well: a frame is read from its end. */
#define BELOW 64U

/* The window, from a word's address on: as much as there is, up to the page's end. */
static bool fill(struct cp_span *s, uintptr_t from, uintptr_t end)
{
	s->words = 0;
	if (!cp_peek(s->word, from, end - from))
		return false;
	s->at = from;
	s->words = (end - from) / sizeof(uintptr_t);
	return true;
}

/* A page at a time: the next one may not be there. */
static bool copy_around(struct cp_span *s, uintptr_t addr)
{
	uintptr_t page = addr & ~(CP_PAGE - 1);
	uintptr_t from = CP_MAX(CP_MAX(page, (s->lo + 7) & ~7UL), addr - BELOW);

	return fill(s, from, CP_MIN(from + CP_SPAN_WINDOW, page + CP_PAGE));
}

static bool in_window(const struct cp_span *s, uintptr_t addr)
{
	return addr - s->at < s->words * sizeof(uintptr_t);
}

CP_COLD bool cp_span_foreign(struct cp_span *s, uintptr_t sp)
{
	s->near = s->words = 0;
	if (sp < CP_PAGE || sp > UINTPTR_MAX - 2 * FOREIGN_MAX)
		return false;
	s->lo = sp - CP_CPU_RED_ZONE;
	s->max = sp + FOREIGN_MAX;
	return copy_around(s, sp & ~7UL);
}

CP_COLD bool cp_span_far(struct cp_span *s, uintptr_t addr, uintptr_t *v)
{
	if (s->near || addr < s->lo || addr > s->max - sizeof(*v))
		return false;
	if (addr % sizeof(*v)) /* hand-written rules may say so */
		return cp_peek(v, addr, sizeof(*v));
	if (!in_window(s, addr) && !copy_around(s, addr))
		return false;
	*v = s->word[(addr - s->at) / sizeof(*v)];
	return true;
}

void cp_probe_unreadable(uintptr_t addr, size_t n)
{
	struct cp_thread *t = &cp_self;
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	if (cp_span_owns(t, sp) && addr < t->stack_hi && addr + n > sp) {
		t->stack_hi = 0; /* first: a handler finds that it owns none */
		cp_fence_signal();
		t->stack_lo = 0;
	}
}
