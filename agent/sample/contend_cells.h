/* SPDX-License-Identifier: MIT */
/*
 * contend_cells.h - the counters of mutex and block, for contend.c alone
 *
 * Context  EARLY: cp_contend_cells_init      HOST: cp_contend_record
 *          (contend.h has the readers)
 */
#ifndef CP_SAMPLE_CONTEND_CELLS_H
#define CP_SAMPLE_CONTEND_CELLS_H

#include "../probe.h"
#include "contend.h"

#define CP_CONTEND_SHIFT 16 /* counts are kept in 1/65536 */

int cp_contend_cells_init(enum cp_contend which, size_t bytes);
/* What a lock's name is looked for by; 0: it has none. */
uintptr_t cp_contend_lock_of(unsigned kind, uintptr_t object);
/* Adds to the cell of who called so, and of that lock. */
void cp_contend_record(struct cp_thread *t, enum cp_contend which, struct cp_call call,
		       uintptr_t lock, const struct cp_contend_counts *add);

#endif
