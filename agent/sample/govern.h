/* SPDX-License-Identifier: MIT */
/*
 * govern.h - keeps what sampling costs within CPROF_BUDGET, by lowering rates
 *
 * Context  EARLY: cp_govern_init      ANY: the rest
 * Holds    A rate at step k is 2^k times rarer than configured. A sample is weighted by
 *          the step it was drawn at, so totals stay true whatever the step.
 * Fails    Before cp_govern_init every step is 0.
 */
#ifndef CP_SAMPLE_GOVERN_H
#define CP_SAMPLE_GOVERN_H

#include "../rt/base.h"
#include "cost.h"

/* [EARLY] budget: in 1/1000 per cent of the process's CPU time; 0: none. most: how far
 * each rate may be lowered; 0: not at all. 0 or -errno. */
int cp_govern_init(uint64_t budget, const uint8_t most[CP_COST_RATES]);

/* [HOST] The process enters a sandbox, where a system call may kill: rates stay as they are. */
void cp_govern_stop(void);

/* [HOST] Before a fork. */
void cp_govern_forks(void);
/* [FORK, in the child] It begins as lowered as those before it that soon ended. */
void cp_govern_forked(void);
/* [EXIT] Of such a child, once: what it spent counts for those after it. */
void cp_govern_ended(void);

/* [ANY] How far this rate is lowered at this moment. */
unsigned cp_govern_step(enum cp_cost rate);
/* [ANY] So many ticks were spent till now on the processor's counter: time to look? */
void cp_govern_spent(uint64_t spent, uint64_t now);

/* How often rates were lowered and raised since the start, and among forked processes. */
struct cp_govern_moves {
	uint64_t lowered, raised;
};
struct cp_govern_moves cp_govern_moves(void);

/* The rule, by itself: what was spent on each rate while the process ran for cpu_ns. */
struct cp_govern_look {
	uint64_t cpu_ns;
	uint64_t cost_ns[CP_COST_RATES];
	uint8_t step[CP_COST_RATES], most[CP_COST_RATES];
	uint64_t budget;
	bool whole; /* enough was spent to lower anything */
};
/* Changes one step by one at most; answers which way: 1 lowered, -1 raised, 0. */
int cp_govern_decide(struct cp_govern_look *look);
/* What was spent on rates that may move. */
uint64_t cp_govern_spent_on(const struct cp_govern_look *look);

#endif
