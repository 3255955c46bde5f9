/* SPDX-License-Identifier: MIT */
/*
 * ticks.c - how fast the processor's counter runs
 *
 * Context  as ticks.h says
 * Shared   cp_timeless: set once, relaxed. st.slowest: relaxed, any writer's will do. The rest of
 *          st is written before there is a second thread.
 * Holds    The counter is rather taken for slower than it is, never for faster: who is
 *          interrupted between the two clocks has read the counter first, and where it ran on
 *          while CLOCK_MONOTONIC stood (a machine that slept) the speed from before counts.
 */
#include "ticks.h"

#include "atomic.h"
#include "sys.h"

#define SETTLED 10000000000LL /* ns, after which an interruption doesn't matter any more */
#define SCALE	0x1p20

bool cp_timeless;

static struct {
	int64_t ns;	/* at the start by the clock, */
	uint64_t ticks; /* and a little later */
	bool are_time;
	uint64_t slowest; /* speed that was ever seen, times SCALE; 0: not settled yet */
} st;

void cp_ticks_init(void)
{
	st.ns = cp_now_ns(CLOCK_MONOTONIC);
	st.ticks = cp_cpu_ticks();
	st.are_time = cp_cpu_ticks_on();
}

void cp_ticks_forbid(void)
{
	cp_store_rlx(&cp_timeless, true);
}

uint64_t cp_ticks_now(void)
{
	return cp_load_rlx(&cp_timeless) ? 0 : cp_cpu_ticks();
}

/* 0: not known. */
static double per_ns_at(uint64_t ticks, int64_t now)
{
	int64_t counted = (int64_t)(ticks - st.ticks), passed = now - st.ns;
	double speed = counted > 0 && passed > 0 ? (double)counted / (double)passed : 0;
	double slowest = (double)cp_load_rlx(&st.slowest) / SCALE;

	if (slowest > 0 && (speed <= 0 || speed >= slowest))
		return slowest;
	if (speed > 0 && passed > SETTLED)
		cp_store_rlx(&st.slowest, (uint64_t)(speed * SCALE));
	return speed;
}

static double per_ns(void)
{
	uint64_t ticks = cp_ticks_now();
	double speed = per_ns_at(ticks, cp_now_ns(CLOCK_MONOTONIC));

	return speed > 0 ? speed : 1;
}

double cp_ticks_ns(uint64_t ticks)
{
	return (double)ticks / per_ns();
}

uint64_t cp_ticks_in(uint64_t ns)
{
	return (uint64_t)((double)ns * per_ns());
}

int64_t cp_ticks_when(uint64_t ticks)
{
	int64_t ago = (int64_t)(cp_ticks_now() - ticks), now = cp_now_ns(CLOCK_MONOTONIC);

	return now - (int64_t)cp_ticks_ns((uint64_t)CP_MAX(ago, 0L));
}

bool cp_ticks_are_time(void)
{
	return st.are_time;
}

uint64_t cp_ticks_by(uint64_t ns, uint64_t ticks, int64_t now)
{
	return st.are_time ? (uint64_t)((double)ns * per_ns_at(ticks, now)) : 0;
}
