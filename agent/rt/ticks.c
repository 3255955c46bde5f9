/* SPDX-License-Identifier: MIT */
/*
 * ticks.c - the cheapest clock there is, and how fast it runs
 *
 * Context  as ticks.h says
 * Shared   cp_timeless, cp_ticks_source: set once more after the start, relaxed. st.slowest:
 *          relaxed, any writer's will do. The rest of st is written before there is a second
 *          thread.
 * Holds    The counter is rather taken for slower than it is, never for faster: who is
 *          interrupted between the two clocks has read the counter first, and where it ran on
 *          while CLOCK_MONOTONIC stood (a machine that slept) the speed from before counts.
 */
#include "ticks.h"

#include "sys.h"

#define EARLY	1000000LL     /* ns since the start, before which the speed is a guess */
#define SETTLED 10000000000LL /* after which an interruption doesn't matter any more */
#define SCALE	0x1p20

bool cp_timeless;
uint32_t cp_ticks_source;

static struct {
	int64_t ns;	  /* at the start by the clock, */
	uint64_t ticks;	  /* and a little later */
	uint64_t slowest; /* speed that was ever seen, times SCALE; 0: not settled yet */
} st;

void cp_ticks_init(void)
{
	st.ns = cp_now_ns(CLOCK_MONOTONIC);
	st.ticks = cp_cpu_ticks();
	cp_ticks_source = cp_cpu_ticks_on() ? CP_TICKS_COUNTER : CP_TICKS_CLOCK;
}

static void keep(double speed)
{
	cp_store_rlx(&st.slowest, (uint64_t)(speed * SCALE));
}

double cp_ticks_speed(uint64_t ticks, int64_t now)
{
	int64_t counted = (int64_t)(ticks - st.ticks), passed = now - st.ns;
	double speed = counted > 0 && passed > 0 ? (double)counted / (double)passed : 0;
	double slowest = (double)cp_load_rlx(&st.slowest) / SCALE;

	if (slowest > 0 && (speed <= 0 || speed >= slowest))
		return slowest;
	if (speed > 0 && passed > SETTLED)
		keep(speed);
	return speed;
}

static double speed_now(int64_t *now)
{
	uint64_t ticks = cp_ticks_now();
	double speed = 1;

	*now = cp_now_ns(CLOCK_MONOTONIC);
	if (cp_load_rlx(&cp_ticks_source) != CP_TICKS_CLOCK)
		speed = cp_ticks_speed(ticks, *now);
	return speed > 0 ? speed : 1;
}

/* What was counted till now still has a speed afterwards. */
void cp_ticks_forbid(void)
{
	int64_t now;

	if (cp_load_rlx(&cp_ticks_source) == CP_TICKS_COUNTER) {
		keep(speed_now(&now));
		cp_store_rlx(&cp_ticks_source, CP_TICKS_NONE);
	}
	cp_store_rlx(&cp_timeless, true);
}

uint64_t cp_ticks_by_clock(void)
{
	bool clock = cp_load_rlx(&cp_ticks_source) == CP_TICKS_CLOCK;

	return clock ? (uint64_t)cp_now_ns(CLOCK_MONOTONIC) : 0;
}

double cp_ticks_ns(uint64_t ticks)
{
	int64_t now;

	return (double)ticks / speed_now(&now);
}

uint64_t cp_ticks_in(uint64_t ns)
{
	int64_t now;
	double speed = speed_now(&now);

	return now - st.ns < EARLY ? 0 : (uint64_t)((double)ns * speed);
}
