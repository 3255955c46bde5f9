/* SPDX-License-Identifier: MIT */
/*
 * work.h - what is asked of the job, and the doing of it
 *
 * Context  ANY: cp_work_add, cp_work_add_last, cp_work_wait_last
 *          CONTROL, on the job's thread: cp_work_run
 * Holds    All zero: nothing asked, nothing open.
 */
#ifndef CP_CONTROL_WORK_H
#define CP_CONTROL_WORK_H

#include "snapshot.h"

#define CP_WORK_SLOTS	31
#define CP_WORK_WINDOWS 8

struct cp_work {
	/* Asked: written by anyone. */
	uint32_t plain;		      /* a snapshot of everything */
	uint32_t last;		      /* the one at exit */
	uint32_t interval;	      /* a snapshot at each CPROF_INTERVAL, by the job itself */
	uint32_t last_state;	      /* enum last_state in work.c; a futex */
	uint64_t slot[CP_WORK_SLOTS]; /* requests by value, 0 free */
	/* The job's own. */
	bool pending;
	struct cp_snapshot next; /* what is pending */
	int64_t not_before_ns, interval_at_ns;
	struct cp_window window[CP_WORK_WINDOWS]; /* open when ends_ns is not 0 */
};

/* [ANY] Leaves a request. When there is no room it becomes a plain one. */
void cp_work_add(struct cp_work *w, uint64_t word);
/* All but the interval: the next job keeps that again. */
void cp_work_forget(struct cp_work *w);
/* [EXIT] The same for the last snapshot; wait answers false when time is up. */
void cp_work_add_last(struct cp_work *w);
bool cp_work_wait_last(struct cp_work *w);
/* [HOST, FORK] The job is to keep the interval; false when none is set. */
bool cp_work_keep_interval(struct cp_work *w);
/* [CONTROL] Does what is due; answers when there is more (CLOCK_MONOTONIC ns), 0 when
 * there is nothing left. */
int64_t cp_work_run(struct cp_work *w);

#endif
