/* SPDX-License-Identifier: MIT */
/*
 * window.h - the counters of a source as they were at one moment
 *
 * Context  CONTROL, one job
 * Holds    Bucket i of the base is bucket i of the source; buckets that came later
 *          began at zero.
 * Why      Counters are never reset: a window is the difference of two readings, so
 *          any number of them can be open at once.
 */
#ifndef CP_CONTROL_WINDOW_H
#define CP_CONTROL_WINDOW_H

#include "../rt/mem.h"
#include "profiles.h"

struct cp_base {
	const struct cp_source *source;
	int64_t began_ns; /* CLOCK_MONOTONIC: those of a window are read one after the other */
	uint32_t n;
	struct cp_counts *counts;
};

struct cp_window {
	struct cp_arena arena;
	struct cp_request request;
	int64_t began_ns, ends_ns; /* CLOCK_MONOTONIC */
	unsigned nbases;
	struct cp_base base[CP_TYPES];
};

/* Reads the sources of the wanted profiles. limit: bytes it may take. 0 or -errno. */
int cp_window_open(struct cp_window *w, struct cp_request request, size_t limit);
void cp_window_close(struct cp_window *w);
/* The base of a source; NULL when w is NULL or has none. */
const struct cp_base *cp_window_base(const struct cp_window *w, const struct cp_source *s);
/* The counts of bucket i in it, zeros when the bucket came later; NULL without a base. */
const struct cp_counts *cp_window_from(const struct cp_base *base, uint32_t i);

#endif
