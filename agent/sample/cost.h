/* SPDX-License-Identifier: MIT */
/*
 * cost.h - what the agent itself costs the host, by what it does
 *
 * Context  EARLY: cp_cost_init      ANY: measuring      CONTROL: cp_cost_ns
 * Shared   sums, in memory a forked child finds zeroed: relaxed adds.
 * Holds    Only slow paths are measured: a recorded allocation, the free of a page that
 *          holds one, a CPU sample, a recorded wait. What a fast path takes, and the
 *          few stores around a wait, is for the benchmarks: no rate changes it.
 * Why      Two readings of the clock take some 20 ns, a tenth of the fastest record: so one
 *          in eight is measured and counts for eight. But each of a thread's first ones counts
 *          for itself: they touch what nobody has touched, take a hundred times as long as
 *          later ones, and are all there are of a thread that soon ends.
 */
#ifndef CP_SAMPLE_COST_H
#define CP_SAMPLE_COST_H

#include "../rt/arch.h"
#include "../rt/thread.h"

/* The first CP_COST_RATES have a rate, which the governor may lower. */
enum cp_cost {
	CP_COST_CPU,
	CP_COST_HEAP,
	CP_COST_MUTEX,
	CP_COST_BLOCK,
	CP_COST_RATES,
	CP_COST_THREADS = CP_COST_RATES, /* the agent's own */
	CP_COSTS
};

#define CP_COST_FIRST 8U
#define CP_COST_EVERY 8U

/* Something that is measured, unless `began`, by cp_cost_now, is 0. */
struct cp_cost_of {
	uint64_t began;
	unsigned times; /* it counts for so many */
};

int cp_cost_init(void);

/* In ticks; 0: none are there. */
uint64_t cp_cost_now(void);

/* A generator of full period: whatever pattern the host repeats, each of its places
 * is measured in turn. */
CP_INLINE struct cp_cost_of cp_cost_begin(struct cp_thread *t)
{
	if (CP_UNLIKELY(t->cost_met < CP_COST_FIRST)) {
		t->cost_met++;
		return (struct cp_cost_of){cp_cost_now(), 1};
	}
	t->cost_turn = (uint8_t)(t->cost_turn * 5 + 1);
	return (struct cp_cost_of){
		CP_LIKELY(t->cost_turn >= 256 / CP_COST_EVERY) ? 0 : cp_cost_now(), CP_COST_EVERY};
}

/* [ANY] Since `began` by cp_cost_now, `times` over. May move a rate (govern.h). */
void cp_cost_add(enum cp_cost what, uint64_t began, unsigned times);

CP_INLINE void cp_cost_end(enum cp_cost what, struct cp_cost_of m)
{
	if (CP_UNLIKELY(m.began))
		cp_cost_add(what, m.began, m.times);
}

/* [ANY] The same in nanoseconds, from another clock. */
void cp_cost_add_ns(enum cp_cost what, uint64_t ns);

/* [ANY] All there was since the start. */
uint64_t cp_cost_ns(enum cp_cost what);

#endif
