/* SPDX-License-Identifier: MIT */
/*
 * census.c - how many threads are at each stack, now: the goroutine profile's counters
 *
 * Context  CONTROL
 * Calls    dump.c, sample/cell.h.
 * Shared   st.life, in a page a forked child finds zeroed: written by who is inside
 *          (busy.h). The dump's memory no child inherits.
 * Holds    A cell that nobody is at stays, with 0: windows know cells by number.
 * Fails    Cells full, or the dump: [table full], as everywhere; the total stays right.
 *          No memory for the dump: all counters are 0, and it is empty.
 */
#include "census.h"

#include "../rt/mem.h"
#include "../sample/cell.h"
#include "busy.h"

#include <errno.h>

struct life {
	uint32_t busy;
	struct cp_arena arena;
	struct cp_dump dump;
};

static struct {
	struct cp_cells cells;
	struct life *life;
} st;

int cp_census_init(size_t bytes)
{
	int err = cp_cells_init(&st.cells, bytes);

	if (err)
		return err;
	st.life = cp_mem_wiped(sizeof(*st.life));
	return st.life ? 0 : -ENOMEM;
}

bool cp_census_on(void)
{
	return st.life != NULL;
}

static void count(void)
{
	const struct cp_dump *d = &st.life->dump;

	for (uint32_t i = 0; i < cp_cell_count(&st.cells); i++)
		cp_cell_note(&st.cells, i, 0, 0);
	for (uint32_t i = 0; i < d->n; i++) {
		const struct cp_dump_thread *t = &d->thread[i];
		struct cp_cell_key key = {.sid = t->sid, .label = t->label, .class = t->state};

		cp_cell_add(&st.cells, cp_cell_find(&st.cells, key), 0, 1);
	}
	if (d->more)
		cp_cell_add(&st.cells, CP_CELL_FULL, 0, d->more);
}

void cp_census_begin(void)
{
	if (!st.life)
		return;
	cp_busy_enter(&st.life->busy);
	st.life->arena = (struct cp_arena){.stays = true};
	if (cp_dump_take(&st.life->arena, &st.life->dump))
		st.life->dump = (struct cp_dump){0};
	count();
}

void cp_census_end(void)
{
	if (!st.life)
		return;
	cp_arena_release(&st.life->arena);
	cp_busy_leave(&st.life->busy);
}

const struct cp_dump *cp_census_dump(void)
{
	return &st.life->dump;
}

uint32_t cp_census_cells(void)
{
	return cp_cell_count(&st.cells);
}

void cp_census_row(uint32_t cell, cp_sid *sid, uint16_t *label, uint16_t *state)
{
	struct cp_cell_key key = cp_cell_key(&st.cells, cell);

	*sid = key.sid;
	*label = key.label;
	*state = key.class;
}

uint64_t cp_census_read(uint32_t cell)
{
	return cp_cell_read(&st.cells, cell, 0);
}
