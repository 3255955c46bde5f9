/* SPDX-License-Identifier: MIT */
/*
 * contend.h - who waits (block) and who makes others wait (mutex)
 *
 * Context  EARLY: cp_contend_init      CONTROL: the readers
 *          (what the shim calls is in probe.h)
 * Holds    Weights are applied when a wait is recorded: counters are estimates of
 *          the truth, whatever the rates.
 *          They only grow. A wait under way is in them as far as a reading found it, and
 *          the rest of it comes at its end: so what lies between two readings is the
 *          difference of the two, whenever a wait began or ended.
 */
#ifndef CP_SAMPLE_CONTEND_H
#define CP_SAMPLE_CONTEND_H

#include "../rt/base.h"
#include "waiting.h"

enum cp_contend { CP_CONTEND_MUTEX, CP_CONTEND_BLOCK, CP_CONTENDS };

struct cp_contend_config {
	uint64_t fraction; /* 1 in n contended waits is charged to who unlocks; 0: off */
	uint64_t rate;	   /* a wait of d ns is recorded with probability min(1, d/rate); 0: off */
	bool io;	   /* waits for time and descriptors are recorded too */
	bool watched;	   /* somebody else wants to know what threads wait for */
};

/* [EARLY] bytes: their share of CPROF_MAX_MEMORY. 0 or -errno. */
int cp_contend_init(const struct cp_contend_config *config, size_t bytes);
/* [FORK] The child's countdowns are its own. */
void cp_contend_forked(void);
/* [HOST] No wait is looked at any more. */
void cp_contend_stop(void);
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
	bool waiting;  /* found by readings, while the waits were under way */
	int64_t contentions, delay;
};

/* [CONTROL] Is a wait that its thread says it is in (waiting.h) to be added as far as it
 * has come? The thread's slot, or any thread's that has ended meanwhile. */
bool cp_contend_is_due(uint32_t slot, const struct cp_wait *w, uint64_t now);
/* [CONTROL] Adds it; one at a time. sid: its stack, needed unless cp_contend_is_known. The
 * thread still said so after `now` was read. */
bool cp_contend_is_known(uint32_t slot, const struct cp_wait *w);
void cp_contend_add(uint32_t slot, const struct cp_wait *w, cp_sid sid, uint64_t now);

/* [CONTROL] Cells 0 .. cp_contend_cells()-1, their counters, and the row these make
 * since another reading, or since the start (from NULL). */
uint32_t cp_contend_cells(enum cp_contend which);
void cp_contend_read(enum cp_contend which, uint32_t cell, struct cp_contend_counts *now);
void cp_contend_row(enum cp_contend which, uint32_t cell, const struct cp_contend_counts *from,
		    const struct cp_contend_counts *now, struct cp_contend_row *row);

#endif
