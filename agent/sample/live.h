/* SPDX-License-Identifier: MIT */
/*
 * live.h - the sampled blocks that are still allocated, by address
 *
 * Context  HOST. A host's signal handler that allocates may come in between.
 * Holds    One record at most per address. The records of one address never race:
 *          malloc gives an address to one owner at a time, and that owner's
 *          hand-over to another thread orders the two.
 * Fails    Full: the caller counts the block as freed at once.
 */
#ifndef CP_SAMPLE_LIVE_H
#define CP_SAMPLE_LIVE_H

#include "../rt/base.h"

struct cp_live {
	uintptr_t addr; /* 0: no record */
	uint64_t size;	/* below 2^48 */
	uint32_t cell;	/* below 2^24 */
	uint8_t step;	/* of the rate it was sampled at */
};

/* [EARLY] bytes: the most all levels together may take. */
void cp_live_init(size_t bytes);
/* [HOST] Answers false when there is no room. */
bool cp_live_put(const struct cp_live *block);
/* [HOST] Takes the record of this address out; addr is 0 when there is none. */
struct cp_live cp_live_take(uintptr_t addr);
/* [HOST] One of the two comes next. */
void cp_live_soon(uintptr_t addr);

#endif
