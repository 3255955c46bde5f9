/* SPDX-License-Identifier: MIT */
/*
 * contend_cells.c - the counters of mutex and block: by stack, thread name and lock
 *
 * Context  EARLY: cp_contend_cells_init      HOST: cp_contend_record
 *          CONTROL: cp_contend_add, and the readers
 * Calls    rt, the walker, sofar.h. errno is never touched.
 * Shared   st.cells (cell.h).
 * Fails    Every full table charges [table full], or is counted (loss.h).
 */
#include "contend_cells.h"

#include "../rt/ticks.h"
#include "cell.h"
#include "known.h"
#include "lockid.h"
#include "sofar.h"

#define WAITING 0x8000U /* in a cell's class: beside the lock's number */

enum { COUNT, NS };

static struct {
	struct cp_cells cells[CP_CONTENDS];
} st CP_WARM;

int cp_contend_cells_init(enum cp_contend which, size_t bytes)
{
	return cp_cells_init(&st.cells[which], bytes);
}

uintptr_t cp_contend_lock_of(unsigned kind, uintptr_t object)
{
	return kind < CP_WAIT_JOIN || kind == CP_WAIT_FUTEX ? object : 0;
}

void cp_contend_record(struct cp_thread *t, enum cp_contend which, struct cp_call call,
		       uintptr_t lock, const struct cp_contend_counts *add)
{
	const struct cp_regs caller = cp_regs_above((struct cp_frame_record *)call.sp - 1, call.sp);
	struct cp_cells *cells = &st.cells[which];
	struct cp_cell_key key = {cp_known_stack(t, &caller, call.fn), t->label,
				  cp_lockid_of(lock)};
	uint32_t cell = cp_cell_find(cells, key);

	cp_cell_add(cells, cell, COUNT, add->count);
	cp_cell_add(cells, cell, NS, add->ns);
}

/* --- waits under way ---------------------------------------------------------- */

static uint32_t cell_for(uint32_t slot, const struct cp_wait *w, cp_sid sid)
{
	uintptr_t lock = cp_contend_lock_of(w->kind, w->object);
	struct cp_cell_key key = {.sid = sid, .class = cp_lockid_of(lock) | WAITING};
	uint32_t cell = cp_cell_find(&st.cells[CP_CONTEND_BLOCK], key);

	cp_sofar_note(slot, cell);
	return cell;
}

void cp_contend_add(uint32_t slot, const struct cp_wait *w, cp_sid sid, uint64_t now)
{
	struct cp_cells *cells = &st.cells[CP_CONTEND_BLOCK];
	struct cp_sofar part;

	if (!cp_sofar_add(slot, w->start, now, &part))
		return;
	if (part.first)
		part.cell = cell_for(slot, w, sid);
	cp_cell_add(cells, part.cell, COUNT, (uint64_t)part.first << CP_CONTEND_SHIFT);
	cp_cell_add(cells, part.cell, NS, (uint64_t)cp_ticks_lasted(part.ticks));
}

/* --- reading ------------------------------------------------------------------ */

uint32_t cp_contend_cells(enum cp_contend which)
{
	return cp_cell_count(&st.cells[which]);
}

void cp_contend_read(enum cp_contend which, uint32_t cell, struct cp_contend_counts *now)
{
	now->count = cp_cell_read(&st.cells[which], cell, COUNT);
	now->ns = cp_cell_read(&st.cells[which], cell, NS);
}

void cp_contend_row(enum cp_contend which, uint32_t cell, const struct cp_contend_counts *from,
		    const struct cp_contend_counts *now, struct cp_contend_row *row)
{
	struct cp_cell_key key = cp_cell_key(&st.cells[which], cell);
	uint64_t count = now->count - (from ? from->count : 0);

	row->sid = key.sid;
	row->label = key.label;
	row->lock = key.class & ~WAITING;
	row->waiting = key.class & WAITING;
	row->contentions = (int64_t)((count + (1 << (CP_CONTEND_SHIFT - 1))) >> CP_CONTEND_SHIFT);
	row->delay = (int64_t)(now->ns - (from ? from->ns : 0));
}
