/* SPDX-License-Identifier: MIT */
/*
 * ticks.h - the cheapest clock there is: the processor's counter, in its own ticks
 *
 * Context  EARLY: cp_ticks_init      ANY: the rest
 * Holds    Where the counter stops with the processor, ticks are CLOCK_MONOTONIC's ns.
 *          Another core's may lag, and a processor reads it some instructions sooner or later
 *          than the program says: a difference may be less than nothing.
 * Why      Who comes back from a wait, or from the kernel, finds his caches cold: the counter
 *          is one instruction, CLOCK_MONOTONIC a few cold lines.
 *          Its speed is found from the time since the start whenever it is needed: so
 *          nothing waits for it to be measured. After a millisecond it is right to one in
 *          ten thousand.
 */
#ifndef CP_RT_TICKS_H
#define CP_RT_TICKS_H

#include "arch.h"
#include "atomic.h"
#include "base.h"

enum cp_ticks_source {
	CP_TICKS_NONE, /* not yet, or forbidden: cp_ticks_now answers 0 */
	CP_TICKS_COUNTER,
	CP_TICKS_CLOCK,
};

extern __attribute__((visibility("hidden"))) uint32_t cp_ticks_source;

/* Where the counter and CLOCK_MONOTONIC stand. */
void cp_ticks_init(void);
/* From now on it kills to read the counter; it may to make a system call, as some clocks do. */
void cp_ticks_forbid(void);
void cp_ticks_shut_in(void);

uint64_t cp_ticks_by_clock(void);

CP_INLINE uint64_t cp_ticks_now(void)
{
	if (CP_LIKELY(cp_load_rlx(&cp_ticks_source) == CP_TICKS_COUNTER))
		return cp_cpu_ticks();
	return cp_ticks_by_clock();
}

/* So many ticks in ns. */
double cp_ticks_ns(uint64_t ticks);
/* The same of one doing, which can't have lasted for longer than there was time since the start:
 * of a machine that slept, or came to life elsewhere, the counter says more. */
double cp_ticks_lasted(uint64_t ticks);
/* So many ns in ticks; 0: it is too early to say. */
uint64_t cp_ticks_in(uint64_t ns);

/* Ticks in a ns, when both clocks stand there; 0: not known. */
double cp_ticks_speed(uint64_t ticks, int64_t now);

#endif
