/* SPDX-License-Identifier: MIT */
/*
 * cell.c - counters by (stack, label set, class): what every profile is made of
 *
 * Context  HOST, SIGNAL: cp_cell_find, cp_cell_add      CONTROL: the readers
 * Calls    rt only.
 * Shared   *used (relaxed add); the index (index.h); key (written before its entry
 *          is published); v[] (adds).
 * Order    an entry: rel by cp_cell_find / acq by the next one that looks
 *          v: rel by cp_cell_add / acq by cp_cell_read; a reader that sees a free
 *          thus sees the allocation before it.
 * Holds    Cell 0 is there from the start and stands for [table full].
 * Fails    Full: cell 0, counted.
 */
#include "cell.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "loss.h"
#include "stack.h"

#include <errno.h>

struct cp_cell {
	uint64_t key;
	uint64_t v[CP_CELL_COLUMNS];
};

static uint64_t pack(struct cp_cell_key k)
{
	return (uint64_t)k.sid << 32 | (uint64_t)k.label << 16 | k.class;
}

static struct cp_cell_key unpack(uint64_t k)
{
	return (struct cp_cell_key){(cp_sid)(k >> 32), (uint16_t)(k >> 16), (uint16_t)k};
}

int cp_cells_init(struct cp_cells *c, size_t bytes)
{
	size_t slots = 1024, cells; /* one or two slots for every cell */
	char *map = cp_mem_wiped(bytes);

	if (!map)
		return -ENOMEM;
	while (cp_index_size(slots * 2) + slots * sizeof(struct cp_cell) <= bytes)
		slots *= 2;
	cp_index_init(&c->index, map, slots);
	c->used = (uint32_t *)(map + cp_index_size(slots));
	c->cell = (struct cp_cell *)((char *)c->used + CP_CACHE_LINE);
	cells = CP_MIN((size_t)(map + bytes - (char *)c->cell) / sizeof(struct cp_cell), slots);
	c->cap = (uint32_t)CP_MIN(cells, (size_t)CP_CELL_MAX);
	return 0;
}

/* A new cell nobody can see yet; 0 when there is no room. */
static uint32_t append(struct cp_cells *c, uint64_t key)
{
	uint32_t cell = cp_add_rlx(c->used, 1) + 1;

	if (cell >= c->cap) {
		cp_sub_rlx(c->used, 1);
		return CP_CELL_FULL;
	}
	/* A reader walks the cells by number and may come before this store; it
	 * then sees key 0 and counters 0, which is a row it leaves out. */
	cp_store_rlx(&c->cell[cell].key, key);
	return cell;
}

static uint32_t charge_full(void)
{
	cp_loss_add(CP_LOSS_CELLS_FULL, 1);
	return CP_CELL_FULL;
}

/* The stack's half is folded onto the other: a product's upper bits come from all of a
 * factor, its lower ones from the lower ones alone. */
static uint64_t hash_of(uint64_t key)
{
	return (key ^ key >> 32) * 0x9e3779b97f4a7c15ULL;
}

uint32_t cp_cell_find(struct cp_cells *c, struct cp_cell_key k)
{
	uint64_t key = pack(k), hash = hash_of(key), *slot;
	uint32_t mine = 0;

	if (k.sid == CP_SID_FULL)
		return CP_CELL_FULL;
	for (unsigned i = 0; (slot = cp_index_slot(&c->index, hash, i)); i++) {
		uint64_t entry = cp_load_acq(slot); /* pairs with the rel below */
		uint32_t cell;

		if (!entry && !mine) {
			mine = append(c, key);
			if (!mine)
				return charge_full();
		}
		/* rel: the key before its number. A cell that loses this race
		 * stays behind with counters of zero. */
		if (!entry && cp_cas_acqrel(slot, &entry, cp_index_entry(hash, mine)))
			return mine;
		cell = cp_index_number(entry);
		CP_SOON(&c->cell[cell].v[CP_CELL_COLUMNS - 1]); /* may be another line */
		if (cp_index_fits(entry, hash) && cp_load_rlx(&c->cell[cell].key) == key)
			return cell;
	}
	return charge_full();
}

void cp_cell_add(struct cp_cells *c, uint32_t cell, unsigned column, uint64_t v)
{
	cp_add_acqrel(&c->cell[cell].v[column], v); /* pairs with cp_cell_read */
}

void cp_cell_note(struct cp_cells *c, uint32_t cell, unsigned column, uint64_t v)
{
	cp_store_rlx(&c->cell[cell].v[column], v);
}

uint32_t cp_cell_count(const struct cp_cells *c)
{
	return c->cell ? CP_MIN(cp_load_acq(c->used) + 1, c->cap) : 0;
}

struct cp_cell_key cp_cell_key(const struct cp_cells *c, uint32_t cell)
{
	if (cell == CP_CELL_FULL)
		return (struct cp_cell_key){CP_SID_FULL, 0, 0};
	return unpack(cp_load_rlx(&c->cell[cell].key));
}

uint64_t cp_cell_read(const struct cp_cells *c, uint32_t cell, unsigned column)
{
	return cp_load_acq(&c->cell[cell].v[column]); /* pairs with cp_cell_add */
}
