/* SPDX-License-Identifier: MIT */
/*
 * contend.h - who waits (block) and who makes others wait (mutex)
 *
 * Context  EARLY: cp_contend_init      CONTROL: the readers
 *          (what the shim calls is in probe.h)
 * Holds    Weights are applied when a wait is recorded: counters are estimates of
 *          the truth, whatever the rates.
 */
#ifndef CP_SAMPLE_CONTEND_H
#define CP_SAMPLE_CONTEND_H

#include "../rt/base.h"

enum cp_contend { CP_CONTEND_MUTEX, CP_CONTEND_BLOCK, CP_CONTENDS };

struct cp_contend_config {
	uint64_t fraction; /* 1 in n contended waits is charged to who unlocks; 0: off */
	uint64_t rate;	   /* a wait of d ns is recorded with probability min(1, d/rate); 0: off */
	bool io;	   /* waits for time and descriptors are recorded too */
	bool watched;	   /* somebody else wants to know what threads wait for */
};

/* [EARLY] bytes: their share of CPROF_MAX_MEMORY. 0 or -errno. */
int cp_contend_init(const struct cp_contend_config *config, size_t bytes);
uint64_t cp_contend_fraction(void);
uint64_t cp_contend_rate(void);

struct cp_contend_counts {
	uint64_t count; /* in 1/65536 */
	uint64_t ns;
};

struct cp_contend_row {
	cp_sid sid;
	uint16_t label;
	uint16_t lock; /* lockid.h */
	int64_t contentions, delay;
};

/* [CONTROL] Cells 0 .. cp_contend_cells()-1, their counters, and the row these make
 * since another reading, or since the start (from NULL). */
uint32_t cp_contend_cells(enum cp_contend which);
void cp_contend_read(enum cp_contend which, uint32_t cell, struct cp_contend_counts *now);
void cp_contend_row(enum cp_contend which, uint32_t cell, const struct cp_contend_counts *from,
		    const struct cp_contend_counts *now, struct cp_contend_row *row);

#endif
