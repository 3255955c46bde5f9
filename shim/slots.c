/* SPDX-License-Identifier: MIT */
/*
 * slots.c - where an object's calls lead, of the malloc family above all, and how to lead them
 *           elsewhere
 *
 * Context  EARLY
 * Calls    mprotect.
 * Shared, Fails: slots.h
 */
#include "slots.h"

#include "../agent/rt/atomic.h"
#include "../agent/rt/sys.h"

#include <string.h>

const char *const cp_slots_name[CP_SLOTS] = {
#define F(name, ...) #name,
	CP_MALLOC_TABLE(F) CP_NEW_TABLE(F) CP_DELETE_TABLE(F)
#undef F
};

static void store(uintptr_t *const *at, size_t n, uintptr_t value)
{
	for (size_t i = 0; i < n; i++)
		cp_store_rlx(at[i], value);
}

void cp_slots_write(const struct cp_object *o, uintptr_t *const *at, size_t n, uintptr_t value)
{
	int prot = n ? cp_object_protection(o, (uintptr_t)at[0]) : 0;
	uintptr_t lo = UINTPTR_MAX, hi = 0;

	if (prot & PROT_WRITE) {
		store(at, n, value);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		lo = CP_MIN(lo, (uintptr_t)at[i] & ~(CP_PAGE - 1));
		hi = CP_MAX(hi, CP_ALIGN_UP((uintptr_t)(at[i] + 1), CP_PAGE));
	}
	if (!prot || CP_SYS(SYS_mprotect, lo, hi - lo, prot | PROT_WRITE) < 0)
		return;
	store(at, n, value);
	CP_SYS(SYS_mprotect, lo, hi - lo, prot);
}

static int by_value(void *const *from, int n, uintptr_t value)
{
	for (int i = 0; i < n; i++)
		if (from[i] && (uintptr_t)from[i] == value)
			return i;
	return -1;
}

static int by_name(void *const *from, const char *name)
{
	for (int i = 0; i < (int)CP_SLOTS; i++)
		if (from[i] && !strcmp(cp_slots_name[i], name))
			return i;
	return -1;
}

static void lead(const struct cp_object *o, uintptr_t *at, int i, void *const *to)
{
	if (i >= 0 && cp_load_rlx(at) != (uintptr_t)to[i])
		cp_slots_write(o, &at, 1, (uintptr_t)to[i]);
}

static void correct(const struct cp_object *o, const ElfW(Rela) * r, void *const *from,
		    void *const *to)
{
	unsigned type = (unsigned)ELF64_R_TYPE(r->r_info);
	uintptr_t *at = (uintptr_t *)(o->base + r->r_offset);
	int i;

	if (type != CP_RELOC_JUMP && type != CP_RELOC_GLOBAL && type != CP_RELOC_WORD)
		return;
	i = by_value(from, CP_SLOTS, cp_load_rlx(at));
	/* Not bound yet: it leads back into the object's own stubs. */
	if (i < 0 && type == CP_RELOC_JUMP && cp_object_protection(o, cp_load_rlx(at)))
		i = by_name(from, o->str + o->sym[ELF64_R_SYM(r->r_info)].st_name);
	lead(o, at, i, to);
}

void cp_slots_correct(const struct cp_object *o, void *const *from, void *const *to)
{
	for (size_t i = 0; i < o->relas; i++)
		correct(o, &o->rela[i], from, to);
	for (size_t i = 0; i < o->jumps; i++)
		correct(o, &o->jump[i], from, to);
}

void cp_slots_bound(const struct cp_object *o, void *const *from, void *const *to, int n)
{
	for (size_t i = 0; i < o->jumps; i++) {
		uintptr_t *at = (uintptr_t *)(o->base + o->jump[i].r_offset);

		if (ELF64_R_TYPE(o->jump[i].r_info) == CP_RELOC_JUMP)
			lead(o, at, by_value(from, n, cp_load_rlx(at)), to);
	}
}
