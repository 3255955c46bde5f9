/* SPDX-License-Identifier: MIT */
/*
 * region.h - memory of one profile, given back as a whole
 *
 * Context  the cprof program.
 * Holds    Blocks come from malloc (jemalloc, linked in) and hang in one ring, so
 *          that what the reader frees is free at once, and what it keeps goes
 *          with the region.
 */
#ifndef CP_CLI_REGION_H
#define CP_CLI_REGION_H

#include "../agent/output/pprof.h"

struct cp_region_block {
	struct cp_region_block *next, *prev;
};

struct cp_region {
	struct cp_region_block ring;
	size_t taken;	       /* bytes ever handed out */
	struct cp_alloc alloc; /* hand this to agent/output */
};

void cp_region_init(struct cp_region *r);
void cp_region_release(struct cp_region *r);

#endif
