/* SPDX-License-Identifier: MIT */
/*
 * idtab.h - gives each distinct fingerprint a number: 0, 1, 2, ...
 *
 * Context  pure code, as pprof.h; one thread.
 * Holds    Numbers are dense, in the order of first appearance. About 24 bytes
 *          an entry; strings, functions, locations, samples all use this one.
 * Fails    CP_IDTAB_FULL when memory runs out; what was in stays in.
 */
#ifndef CP_OUTPUT_IDTAB_H
#define CP_OUTPUT_IDTAB_H

#include "hash.h"
#include "pprof.h"

#define CP_IDTAB_FULL UINT32_MAX

struct cp_idtab {
	struct cp_alloc mem;
	struct cp_hash **block; /* entries by number, in blocks that never move */
	uint32_t *slot;		/* number + 1 by hash, 0 empty; linear probing */
	uint64_t seed;		/* for the fingerprints that go in here */
	uint32_t n, nblocks, capblocks;
	uint32_t mask; /* slots - 1; n <= half of the slots */
};

/* 0 or -ENOMEM. */
int cp_idtab_init(struct cp_idtab *t, const struct cp_alloc *mem);
/* The number of h, given now if *fresh. */
uint32_t cp_idtab_put(struct cp_idtab *t, struct cp_hash h, bool *fresh);
/* The number of h, or CP_IDTAB_FULL if it never came. */
uint32_t cp_idtab_find(const struct cp_idtab *t, struct cp_hash h);
void cp_idtab_fini(struct cp_idtab *t);

#endif
