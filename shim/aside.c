/* SPDX-License-Identifier: MIT */
/*
 * aside.c - standing aside where nothing is to be seen
 *
 * Context  EARLY: from the constructor, once; other threads may run.
 * Calls    dl_iterate_phdr, slots.c. Never: a look-up, which waits for a dlopen that another
 *          library's thread may be in, and that for main.
 * Holds    Only slots that the loader has bound to us are changed: whoever stands before us, or
 *          audits, isn't bypassed. They then lead where our own function would: cp_real.
 *          While a block of the arena is out, its free must come to us: then the malloc
 *          family's slots stay. Once the real functions are known no more blocks go out.
 * Why      A call that is passed on costs an indirect jump, and lines that would not be
 *          touched: half a per cent of a server that asks malloc_usable_size fourteen times in a
 *          request, or locks as often; a fifth of one that calls recv once. Servers are bound at
 *          their start, as a rule. Libraries keep their slots, which are many and call little; so
 *          do the operators of C++, which lead to malloc without libstdc++ in between; and
 *          pointers stay what they are, since a program may compare its own to a library's.
 */
#include "aside.h"

#include "../agent/rt/atomic.h"
#include "arena.h"
#include "boot.h"
#include "slots.h"

enum {
	FAMILY = CP_FN__Znwm,
	FIRST_LOCK = CP_FN_pthread_mutex_lock,
	LOCKS = CP_FN_pthread_mutex_init - FIRST_LOCK,
	FIRST_IO = CP_FN_poll,
	IO = CP_FN_syscall - FIRST_IO,
	MOST = FAMILY + LOCKS + IO
};

#define F(name, ...) #name,
static const char *const lock_name[] = {CP_LOCK_TABLE(F)};
static const char *const io_name[] = {CP_POLL_TABLE(F) CP_READ_TABLE(F)};
#undef F

_Static_assert(CP_ARRAY_LEN(lock_name) == LOCKS && CP_ARRAY_LEN(io_name) == IO,
	       "cp_real has these, one after the other");

struct aside {
	struct cp_shim_interest in;
	bool lent;
	int n;
	void *from[MOST], *to[MOST];
};

static void add(struct aside *a, const struct cp_object *own, const char *name, int fn)
{
	ElfW(Sym) *s = cp_object_find(own, name);

	if (!s)
		return;
	a->from[a->n] = (void *)(own->base + s->st_value);
	a->to[a->n++] = cp_load_rlx(&cp_real.slot[fn]);
}

static void add_all(struct aside *a, const struct cp_object *own, const char *const *name,
		    int first, int n)
{
	for (int i = 0; i < n; i++)
		add(a, own, name[i], first + i);
}

static int find_own(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct aside *a = arg;
	struct cp_object o;

	(void)size;
	if (!cp_object_read(&o, info) || !cp_object_protection(&o, (uintptr_t)&cp_real))
		return 0;
	for (int i = 0; i < FAMILY && !a->lent; i++)
		if (!a->in.allocations || i == CP_FN_malloc_usable_size)
			add(a, &o, cp_slots_name[i], i);
	if (!a->in.locks)
		add_all(a, &o, lock_name, FIRST_LOCK, LOCKS);
	if (!a->in.io)
		add_all(a, &o, io_name, FIRST_IO, IO);
	return 1;
}

/* It is the first. */
static int lead_past(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct aside *a = arg;
	struct cp_object o;

	(void)size;
	if (cp_object_read(&o, info))
		cp_slots_bound(&o, a->from, a->to, a->n);
	return 1;
}

void cp_shim_aside(struct cp_shim_interest in)
{
	struct aside a = {.in = in};

	if (!cp_shim_boot())
		return;
	a.lent = cp_load_rlx(&cp_shim_arena_lent);
	if (dl_iterate_phdr(find_own, &a))
		dl_iterate_phdr(lead_past, &a);
}
