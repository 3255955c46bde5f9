/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the byte sampler and the heap's counters
 *
 * Context  HOST: cp_heap_alloc, cp_heap_free      CONTROL: cp_heap_read
 * Holds    Each sample is weighted when it is taken, 1/(1-exp(-size/rate)), and
 *          leaves with the same weight: in-use is never negative.
 */
#ifndef CP_SAMPLE_HEAP_H
#define CP_SAMPLE_HEAP_H

#include "../rt/base.h"
#include "stack.h"

/* [EARLY] rate 0: off. bytes: this profile's share of CPROF_MAX_MEMORY. */
int cp_heap_init(uint64_t rate, size_t bytes);
uint64_t cp_heap_rate(void);

struct cp_heap_row {
	cp_sid sid;
	uint16_t label;
	uint64_t size_class; /* the pprof label `bytes`; 0: leave the label out */
	int64_t alloc_objects, alloc_bytes, inuse_objects, inuse_bytes;
};

/* [CONTROL] Row i of the heap profile; i runs from 0 to cp_heap_rows()-1. Frees are
 * read before allocations, so that in-use is never negative. */
uint32_t cp_heap_rows(void);
void cp_heap_read(uint32_t i, struct cp_heap_row *row);
/* [CONTROL] The counters as they stand, for windows: 4 columns per row, raw. */

#endif
