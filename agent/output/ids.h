/* SPDX-License-Identifier: MIT */
/*
 * ids.h - from the ids of a file's table to places in ours
 *
 * Context  pure code, as pprof.h; the ids are not trusted.
 * Holds    Ids 1, 2, 3, ... in order cost nothing; any others cost a table.
 */
#ifndef CP_OUTPUT_IDS_H
#define CP_OUTPUT_IDS_H

#include "idtab.h"

#define CP_IDS_NONE SIZE_MAX

struct cp_ids {
	struct cp_alloc mem;
	size_t n;
	bool sparse; /* tab is in use */
	struct cp_idtab tab;
};

void cp_ids_init(struct cp_ids *ids, const struct cp_alloc *mem);
/* Gives id the next place. 0, -EEXIST when it has one, -EINVAL for id 0, -ENOMEM. */
int cp_ids_add(struct cp_ids *ids, uint64_t id);
/* Its place, or CP_IDS_NONE. */
size_t cp_ids_find(const struct cp_ids *ids, uint64_t id);
void cp_ids_fini(struct cp_ids *ids);

#endif
