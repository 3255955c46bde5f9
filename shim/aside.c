/* SPDX-License-Identifier: MIT */
/*
 * aside.c - standing aside where nothing is to be seen
 *
 * Context  EARLY: from the constructor, once; other threads may run.
 * Calls    dl_iterate_phdr, slots.c. Never: a look-up, which waits for a dlopen that another
 *          library's thread may be in, and that for main.
 * Holds    Only slots are changed that the loader has bound to us, so nobody is passed by who
 *          stands before us, or audits. What one leads to afterwards is what our own function
 *          passed the call on to: cp_real.
 *          While a block of the arena is out, whoever has it must reach us, so nothing is
 *          changed; once the real functions are known none leaves any more.
 * Why      A call that is passed on costs an indirect jump, and lines that would not be
 *          touched: half a per cent of a server that asks malloc_usable_size fourteen times in a
 *          request. Servers are bound at their start, as a rule. Libraries keep their slots,
 *          which are many and call little; so do the operators of C++, which lead to malloc
 *          without libstdc++ in between; and pointers stay what they are, since a program may
 *          compare its own to a library's.
 */
#include "aside.h"

#include "../agent/rt/atomic.h"
#include "arena.h"
#include "boot.h"
#include "slots.h"

struct aside {
	bool sampled;
	void *from[CP_SLOTS], *to[CP_SLOTS];
};

static int find_own(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct aside *a = arg;
	struct cp_object o;

	(void)size;
	if (!cp_object_read(&o, info) || !cp_object_protection(&o, (uintptr_t)&cp_real))
		return 0;
	for (unsigned i = 0; i < CP_FN__Znwm; i++) {
		ElfW(Sym) *s = cp_object_find(&o, cp_slots_name[i]);

		if (!s || (a->sampled && i != CP_FN_malloc_usable_size))
			continue;
		a->from[i] = (void *)(o.base + s->st_value);
		a->to[i] = cp_load_rlx(&cp_real.slot[i]);
	}
	return 1;
}

/* It is the first. */
static int lead_past(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct aside *a = arg;
	struct cp_object o;

	(void)size;
	if (cp_object_read(&o, info))
		cp_slots_bound(&o, a->from, a->to);
	return 1;
}

void cp_shim_aside(bool sampled)
{
	struct aside a = {.sampled = sampled};

	if (!cp_shim_boot() || cp_load_rlx(&cp_shim_arena_lent))
		return;
	if (dl_iterate_phdr(find_own, &a))
		dl_iterate_phdr(lead_past, &a);
}
