/* SPDX-License-Identifier: MIT */
/*
 * ticks.c - how fast the processor's counter runs
 *
 * Context  as ticks.h says
 * Shared   st: written before there is a second thread.
 * Holds    Who is interrupted between the two clocks takes the counter for slower than it is,
 *          never for faster, as long as he read it first: cp_ticks_by's answer is too small then.
 */
#include "ticks.h"

#include "sys.h"

static struct {
	int64_t ns;	/* at the start by the clock, */
	uint64_t ticks; /* and a little later */
	bool are_time;
} st;

void cp_ticks_init(void)
{
	st.ns = cp_now_ns(CLOCK_MONOTONIC);
	st.ticks = cp_cpu_ticks();
	st.are_time = cp_cpu_ticks_on();
}

static double per_ns_at(uint64_t ticks, int64_t now)
{
	int64_t counted = (int64_t)(ticks - st.ticks), passed = now - st.ns;

	return counted > 0 && passed > 0 ? (double)counted / (double)passed : 1;
}

static double per_ns(void)
{
	return per_ns_at(cp_cpu_ticks(), cp_now_ns(CLOCK_MONOTONIC));
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
	uint64_t counted = cp_cpu_ticks();
	int64_t now = cp_now_ns(CLOCK_MONOTONIC), ago = (int64_t)(counted - ticks);

	return now - (int64_t)((double)CP_MAX(ago, 0) / per_ns_at(counted, now));
}

bool cp_ticks_are_time(void)
{
	return st.are_time;
}

uint64_t cp_ticks_by(uint64_t ns, uint64_t ticks, int64_t now)
{
	return st.are_time ? (uint64_t)((double)ns * per_ns_at(ticks, now)) : 0;
}
