/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the byte sampler and the heap's counters
 *
 * Context  EARLY: cp_heap_init      CONTROL: the readers
 *          (what the shim calls is in probe.h)
 * Holds    Each sample is weighted when it is taken, 1/(1-exp(-size/rate)), and
 *          leaves with the same weight: in-use is never negative.
 */
#ifndef CP_SAMPLE_HEAP_H
#define CP_SAMPLE_HEAP_H

#include "../rt/base.h"
#include "cell.h"

/* [EARLY] rate 0: off, for good. bytes: this profile's share of CPROF_MAX_MEMORY.
 * Until it is called nothing is sampled and threads ask again at each allocation. */
int cp_heap_init(uint64_t rate, size_t bytes);
uint64_t cp_heap_rate(void);
/* [HOST] Nothing is sampled any more. */
void cp_heap_stop(void);
/* [HOST] In a forked child: the next allocation draws a new interval. */
void cp_heap_forked(void);

/* A cell's counters as they were at one moment. */
struct cp_heap_counts {
	uint64_t allocs, alloc_bytes, frees, free_bytes;
};

struct cp_heap_row {
	cp_sid sid;
	uint16_t label;
	uint64_t size_class; /* the pprof label `bytes`; 0: leave the label out */
	int64_t alloc_objects, alloc_bytes, inuse_objects, inuse_bytes;
};

/* [CONTROL] Cells 0 .. cp_heap_cells()-1. Frees are read before allocations, so
 * that in-use is never negative. */
uint32_t cp_heap_cells(void);
void cp_heap_read(uint32_t cell, struct cp_heap_counts *now);
/* [CONTROL] The row of a cell: since the start (from NULL), or since another
 * reading, where in-use may be negative. */
void cp_heap_row(uint32_t cell, const struct cp_heap_counts *from, const struct cp_heap_counts *now,
		 struct cp_heap_row *row);

#endif
