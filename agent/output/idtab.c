/* SPDX-License-Identifier: MIT */
/*
 * idtab.c - gives each distinct fingerprint a number: 0, 1, 2, ...
 *
 * Context  pure code, as pprof.h; one thread.
 * Calls    the given allocator, memcpy.
 * Holds    n <= (mask + 1) / 2; every number below n stands in exactly one slot.
 * Why      Entries lie in blocks that never move, so that growing under an
 *          arena, which takes nothing back, wastes only the small slot arrays. Half of
 *          the slots stay empty, since each other's entry that is met is a cache miss.
 */
#include "idtab.h"

#include "take.h"

#include <errno.h>

#define BLOCK	    1024U /* entries: 16 KiB */
#define FIRST_SLOTS 256U
#define MAX_ENTRIES (1U << 30)

static const struct cp_hash *entry(const struct cp_idtab *t, uint32_t i)
{
	return &t->block[i / BLOCK][i % BLOCK];
}

int cp_idtab_init(struct cp_idtab *t, const struct cp_alloc *mem)
{
	*t = (struct cp_idtab){.mem = *mem, .mask = FIRST_SLOTS - 1};
	t->slot = cp_take_zeroed(mem, FIRST_SLOTS, sizeof(*t->slot));
	/* Where memory lies differs from run to run: a file can't be made so
	 * that everything in it falls into one slot. */
	t->seed = cp_hash_fold((uintptr_t)t->slot ^ (uintptr_t)t << 24, 0x8ebc6af09c88c6e3ULL);
	return t->slot ? 0 : -ENOMEM;
}

/* The slot h is in, or the empty one where it would go. */
static uint32_t probe(const struct cp_idtab *t, const struct cp_hash *h)
{
	uint32_t i = (uint32_t)h->b & t->mask;

	for (; t->slot[i]; i = (i + 1) & t->mask) {
		const struct cp_hash *e = entry(t, t->slot[i] - 1);

		if (e->a == h->a && e->b == h->b)
			break;
	}
	return i;
}

static bool grow_slots(struct cp_idtab *t)
{
	uint32_t slots = (t->mask + 1) * 2;
	uint32_t *old = t->slot;
	uint32_t *slot = cp_take_zeroed(&t->mem, slots, sizeof(*slot));

	if (!slot)
		return false;
	t->slot = slot;
	t->mask = slots - 1;
	for (uint32_t i = 0; i < t->n; i++)
		t->slot[probe(t, entry(t, i))] = i + 1;
	cp_give(&t->mem, old);
	return true;
}

static bool grow_directory(struct cp_idtab *t)
{
	uint32_t cap = t->capblocks ? t->capblocks * 2 : 16;
	struct cp_hash **block = cp_take(&t->mem, cap, sizeof(*block));

	if (!block)
		return false;
	if (t->nblocks)
		memcpy(block, t->block, t->nblocks * sizeof(*block));
	cp_give(&t->mem, t->block);
	t->block = block;
	t->capblocks = cap;
	return true;
}

static bool room_for_one(struct cp_idtab *t)
{
	if (t->n >= MAX_ENTRIES || (t->n >= (t->mask + 1) / 2 && !grow_slots(t)))
		return false;
	if (t->n < t->nblocks * BLOCK)
		return true;
	if (t->nblocks == t->capblocks && !grow_directory(t))
		return false;
	t->block[t->nblocks] = cp_take(&t->mem, BLOCK, sizeof(struct cp_hash));
	if (!t->block[t->nblocks])
		return false;
	t->nblocks++;
	return true;
}

uint32_t cp_idtab_put(struct cp_idtab *t, struct cp_hash h, bool *fresh)
{
	uint32_t at = probe(t, &h), mask = t->mask;

	*fresh = !t->slot[at];
	if (!*fresh)
		return t->slot[at] - 1;
	if (!room_for_one(t))
		return CP_IDTAB_FULL;
	if (t->mask != mask)
		at = probe(t, &h);
	t->block[t->n / BLOCK][t->n % BLOCK] = h;
	t->slot[at] = t->n + 1;
	return t->n++;
}

uint32_t cp_idtab_find(const struct cp_idtab *t, struct cp_hash h)
{
	uint32_t at = t->slot[probe(t, &h)];

	return at ? at - 1 : CP_IDTAB_FULL;
}

void cp_idtab_fini(struct cp_idtab *t)
{
	for (uint32_t i = 0; i < t->nblocks; i++)
		cp_give(&t->mem, t->block[i]);
	cp_give(&t->mem, t->block);
	cp_give(&t->mem, t->slot);
}
