/* SPDX-License-Identifier: MIT */
/*
 * ticks.c - the cheapest clock there is, and how fast it runs
 *
 * Context  as ticks.h says
 * Calls    clock_gettime; _dl_find_object, at the start.
 * Shared   cp_timeless, cp_ticks_source: set once more after the start, relaxed. st.slowest:
 *          relaxed, any writer's will do. The rest of st is written before there is a second
 *          thread.
 * Holds    The counter may be taken for slower than it is, never for faster: it is read before
 *          the clock, so an interruption adds time, not ticks; where it ran on while
 *          CLOCK_MONOTONIC stood (suspend), or began anew, the speed from before stays.
 */
#include "ticks.h"

#include "sys.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

/* glibc 2.35. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

#define EARLY	1000000UL     /* ns since the start, before which the speed is a guess */
#define SETTLED 10000000000LL /* after which an interruption doesn't matter any more */
#define SCALE	0x1p20
#define LEAST	0.9 /* a settled speed that falls further than this is no speed */
#define AT_ONCE (1UL << 16)
#define TRIES	4

bool cp_timeless CP_WARM;
uint32_t cp_ticks_source CP_HOT;

static struct {
	int64_t ns;	  /* at the start by the clock, */
	uint64_t ticks;	  /* and a little later */
	uint64_t slowest; /* speed that was ever seen, times SCALE; 0: not settled yet */
} st CP_WARM;

/* Both clocks at one moment, as far as one can see: who is stopped between the two tries
 * again. */
static uint64_t both(int64_t *now)
{
	uint64_t ticks;

	for (int i = 0; i < TRIES; i++) {
		ticks = cp_ticks_now();
		*now = cp_now_ns(CLOCK_MONOTONIC);
		if (cp_ticks_now() - ticks < AT_ONCE)
			break;
	}
	return ticks;
}

static bool has_thread_locals(const ElfW(Ehdr) * object)
{
	const ElfW(Phdr) *ph = (const void *)((uintptr_t)object + object->e_phoff);

	for (unsigned i = 0; i < object->e_phnum; i++)
		if (ph[i].p_type == PT_TLS)
			return true;
	return false;
}

/* One that stands before libc's, as libfaketime's does: its thread-local variables would be asked
 * for on threads that have none but ours. */
static bool clock_needs_more(void)
{
	struct dl_find_object clock, libc;

	if (!_dl_find_object || _dl_find_object((void *)clock_gettime, &clock) ||
	    _dl_find_object((void *)pthread_key_create, &libc))
		return false;
	return clock.dlfo_map_start != libc.dlfo_map_start &&
	       has_thread_locals(clock.dlfo_map_start);
}

void cp_ticks_init(void)
{
	if (clock_needs_more())
		cp_store_rlx(&cp_timeless, true);
	cp_ticks_source = cp_cpu_ticks_on() ? CP_TICKS_COUNTER : CP_TICKS_CLOCK;
	st.ticks = both(&st.ns);
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

	if (slowest > 0 && (speed < slowest * LEAST || speed >= slowest))
		return slowest;
	if (speed > 0 && passed > SETTLED)
		keep(speed);
	return speed;
}

static double speed_now(int64_t *now)
{
	uint64_t ticks = both(now);
	double speed = 1;

	if (cp_load_rlx(&cp_ticks_source) != CP_TICKS_CLOCK)
		speed = cp_ticks_speed(ticks, *now);
	return speed > 0 ? speed : 1;
}

/* What was counted till now still has a speed afterwards. */
void cp_ticks_forbid(void)
{
	int64_t now;

	if (cp_load_rlx(&cp_ticks_source) == CP_TICKS_COUNTER)
		keep(speed_now(&now));
	cp_store_rlx(&cp_ticks_source, CP_TICKS_NONE);
	cp_store_rlx(&cp_timeless, true);
}

void cp_ticks_shut_in(void)
{
	if (cp_load_rlx(&cp_ticks_source) == CP_TICKS_CLOCK)
		cp_store_rlx(&cp_ticks_source, CP_TICKS_NONE);
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

double cp_ticks_lasted(uint64_t ticks)
{
	int64_t now;
	double speed = speed_now(&now), ns = (double)ticks / speed;

	return now > st.ns ? CP_MIN(ns, (double)(now - st.ns)) : ns;
}

uint64_t cp_ticks_in(uint64_t ns)
{
	int64_t now;
	double speed = speed_now(&now);

	return (uint64_t)(now - st.ns) < EARLY ? 0 : (uint64_t)((double)ns * speed);
}
