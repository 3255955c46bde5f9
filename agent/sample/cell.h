/* SPDX-License-Identifier: MIT */
/*
 * cell.h - counters by (stack, label set, class): what every profile is made of
 *
 * Context  HOST, SIGNAL: cp_cell_find, cp_cell_add      CONTROL: the readers
 * Shared   keys (claimed once by CAS), counters (adds), in memory a
 *          forked child finds zeroed, which is an empty table.
 * Holds    Counters only grow; nothing is ever reset. A window is the
 *          difference of two readings, an array of counters by cell number.
 * Fails    Full: CP_CELL_FULL, charged to [table full]; counted.
 */
#ifndef CP_SAMPLE_CELL_H
#define CP_SAMPLE_CELL_H

#include "../rt/base.h"
#include "index.h"

#define CP_CELL_COLUMNS 4
#define CP_CELL_FULL	0U	   /* there from the start, its stack is CP_SID_FULL */
#define CP_CELL_MAX	(1U << 24) /* a live block keeps its cell in 24 bits */

struct cp_cell_key {
	cp_sid sid;
	uint16_t label;
	uint16_t class;
};

struct cp_cells {
	struct cp_cell *cell; /* NULL: there is no table */
	struct cp_index index;
	uint32_t *used; /* cells handed out (wiped with the table) */
	uint32_t cap;
};

int cp_cells_init(struct cp_cells *c, size_t bytes);
uint32_t cp_cell_find(struct cp_cells *c, struct cp_cell_key key);
void cp_cell_add(struct cp_cells *c, uint32_t cell, unsigned column, uint64_t v);
/* [CONTROL] For a column that only the agent's own threads write. */
void cp_cell_note(struct cp_cells *c, uint32_t cell, unsigned column, uint64_t v);

/* [CONTROL] Cells 0 .. count-1; a count taken later is never smaller. */
uint32_t cp_cell_count(const struct cp_cells *c);
struct cp_cell_key cp_cell_key(const struct cp_cells *c, uint32_t cell);
uint64_t cp_cell_read(const struct cp_cells *c, uint32_t cell, unsigned column);

#endif
