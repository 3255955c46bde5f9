/* SPDX-License-Identifier: MIT */
/*
 * ticks.h - how fast the processor's counter runs (cp_cpu_ticks)
 *
 * Context  EARLY: cp_ticks_init      ANY: the rest
 * Why      Its speed is found from the time since the start whenever it is needed: so
 *          nothing waits for it to be measured. After a millisecond it is right to one in
 *          ten thousand.
 */
#ifndef CP_RT_TICKS_H
#define CP_RT_TICKS_H

#include "arch.h"
#include "base.h"

/* Where the counter and CLOCK_MONOTONIC stand. */
void cp_ticks_init(void);
/* From now on it kills to read the counter; cp_ticks_now answers 0 then. */
void cp_ticks_forbid(void);
uint64_t cp_ticks_now(void);

double cp_ticks_ns(uint64_t ticks);
uint64_t cp_ticks_in(uint64_t ns);

/* When the counter stood there, by CLOCK_MONOTONIC. */
int64_t cp_ticks_when(uint64_t ticks);

/* Does the counter run on while the processor sleeps, so that it is a clock? */
bool cp_ticks_are_time(void);

/* How many ticks so many ns are, with what both said at hand, the counter first; 0: it is no
 * clock. */
uint64_t cp_ticks_by(uint64_t ns, uint64_t ticks, int64_t now);

#endif
