/* SPDX-License-Identifier: MIT */
/*
 * waiters.h - who waits for which lock, and since when
 *
 * Context  HOST: all but cp_waiters_init (EARLY).
 * Shared   cp_waiters: slots, in memory a forked child finds zeroed: its parent's waiters are
 *          not there. Order: waiters.c.
 * Holds    A waiter is here from before it blocks until it has the lock or gave up.
 *          Each tick it waits is charged to one unlock at most.
 * Fails    No slot near the lock's place: ticket 0; counted.
 */
#ifndef CP_SAMPLE_WAITERS_H
#define CP_SAMPLE_WAITERS_H

#include "../rt/atomic.h"
#include "../rt/base.h"

#define CP_WAITERS_BUCKETS 1024U
#define CP_WAITERS_WAYS	   3U

struct cp_waiters_slot {
	uintptr_t lock;
	uint64_t since; /* in ticks, above the bit MET */
};

struct cp_waiters_bucket {
	struct cp_waiters_slot slot[CP_WAITERS_WAYS];
	uint64_t strays; /* waiters whose home this is and who stand elsewhere */
	uint8_t step[8]; /* each slot's, written before its lock */
};

extern __attribute__((visibility("hidden"))) struct cp_waiters_bucket *cp_waiters;

CP_INLINE uint32_t cp_waiters_home(uintptr_t lock)
{
	return (uint32_t)((lock >> 3) * 0x9e3779b97f4a7c15ULL >> 40) % CP_WAITERS_BUCKETS;
}

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
CP_INLINE bool cp_waiters_any(uintptr_t lock)
{
	const struct cp_waiters_bucket *b = &cp_waiters[cp_waiters_home(lock)];

	return cp_load_rlx(&b->slot[0].lock) == lock || cp_load_rlx(&b->slot[1].lock) == lock ||
	       cp_load_rlx(&b->slot[2].lock) == lock || cp_load_rlx(&b->strays);
}
/* Before the real unlock; reads the clock only when somebody waits. */
struct cp_waited cp_waiters_charge(uintptr_t lock);

#endif
