/* SPDX-License-Identifier: MIT */
/*
 * made.c - threads by the stack that made them
 *
 * Context  HOST: cp_made_find, _count, _left      CONTROL: the readers
 * Calls    rt, the walker, the stack and cell tables.
 * Shared   st.cells (cell.h).
 * Holds    A number is its cell's plus one. What left is read before what was made:
 *          there are never fewer than none alive.
 */
#include "made.h"

#include "../rt/thread.h"
#include "loss.h"
#include "rules.h"
#include "stack.h"

enum { MADE, LEFT };

static struct {
	struct cp_cells cells;
} st;

int cp_made_init(size_t bytes)
{
	return cp_cells_init(&st.cells, bytes);
}

bool cp_made_on(void)
{
	return st.cells.cell != NULL;
}

uint32_t cp_made_find(const struct cp_regs *caller, uintptr_t start)
{
	cp_frame frame[CP_WALK_MAX + 1];
	struct cp_cell_key key = {0};
	bool cut = false;
	unsigned n;

	if (!cp_made_on())
		return 0;
	n = cp_walk_caller(cp_thread_ready(), caller, frame, CP_WALK_MAX, &cut);
	if (!cut && n < CP_WALK_MAX)
		frame[n++] = cp_rules_frame(start);
	key.sid = cp_stack_intern(frame, n, cut);
	return cp_cell_find(&st.cells, key) + 1;
}

void cp_made_count(uint32_t number)
{
	if (number)
		cp_cell_add(&st.cells, number - 1, MADE, 1);
}

void cp_made_left(uint32_t number)
{
	if (number)
		cp_cell_add(&st.cells, number - 1, LEFT, 1);
}

cp_sid cp_made_stack(uint32_t number)
{
	return cp_cell_key(&st.cells, number - 1).sid;
}

uint32_t cp_made_cells(void)
{
	return cp_cell_count(&st.cells);
}

void cp_made_row(uint32_t cell, cp_sid *sid, uint64_t *made, uint64_t *left)
{
	*sid = cp_cell_key(&st.cells, cell).sid;
	*left = cp_cell_read(&st.cells, cell, LEFT);
	*made = cp_cell_read(&st.cells, cell, MADE);
}
