/* SPDX-License-Identifier: MIT */
/*
 * waiters.h - who waits for which lock, and since when
 *
 * Context  HOST: all but cp_waiters_init (EARLY).
 * Shared   slots, in memory a forked child finds zeroed: its parent's waiters are
 *          not there.
 * Holds    A waiter is here from before it blocks until it has the lock or gave up.
 *          Each tick it waits is charged to one unlock at most.
 * Fails    No slot near the lock's place: ticket 0; counted.
 */
#ifndef CP_SAMPLE_WAITERS_H
#define CP_SAMPLE_WAITERS_H

#include "../rt/base.h"

/* What an unlock finds: ticks waited since the last one, over all waiters, and how
 * many of them no unlock has met before; each for as many as it stands for. */
struct cp_waited {
	uint64_t ticks;
	uint64_t fresh;
	bool hit;
};

int cp_waiters_init(void);
/* A ticket to leave with; 0 when there was no room. Who waits stands for 2^step. */
uint32_t cp_waiters_enter(uintptr_t lock, uint64_t now, unsigned step);
void cp_waiters_leave(uintptr_t lock, uint32_t ticket);
/* May somebody stand here for this lock? */
bool cp_waiters_any(uintptr_t lock);
/* Before the real unlock; reads the clock only when somebody waits. */
struct cp_waited cp_waiters_charge(uintptr_t lock);

#endif
