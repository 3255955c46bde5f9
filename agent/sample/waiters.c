/* SPDX-License-Identifier: MIT */
/*
 * waiters.c - who waits for which lock, and since when
 *
 * Context  HOST; a handler may come between any two instructions.
 * Calls    rt only.
 * Shared   slot.lock (claimed by CAS, given back by its waiter alone, CAS), slot.since
 *          (moved forward by unlockers, CAS), bucket.strays (adds).
 * Order    slot.lock: rel by enter / acq by charge: since is the waiter's own.
 * Holds    A waiter stands in the first bucket from its lock's home that has room;
 *          when that isn't the home, the home's strays say so beforehand.
 * Fails    REACH buckets full: no ticket, counted.
 * Why      One cache line answers an unlock in the common case: nobody is sampled.
 *          A list per lock would need memory that outlives the waiter.
 *          The slot may be another waiter's by the time of the CAS on since: it
 *          then fails, since two waits don't begin in the same tick with the same slot.
 */
#include "waiters.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/ticks.h"
#include "loss.h"

#include <errno.h>

#define BUCKETS CP_WAITERS_BUCKETS
#define WAYS	CP_WAITERS_WAYS
#define REACH	64U /* buckets from home on */
#define BUSY	1UL /* claimed, not yet published; no lock lies there */
#define MET	1UL /* in since: an unlock has met this waiter */

struct cp_waiters_bucket *cp_waiters CP_HOT;

_Static_assert(sizeof(*cp_waiters) == CP_CACHE_LINE, "one line");
_Static_assert(UINT16_MAX / WAYS > BUCKETS, "a ticket fits cp_wait");

int cp_waiters_init(void)
{
	cp_waiters = cp_mem_wiped(BUCKETS * sizeof(*cp_waiters));
	return cp_waiters ? 0 : -ENOMEM;
}

static bool enter_slot(struct cp_waiters_bucket *b, uint32_t way, uintptr_t lock, uint64_t now,
		       unsigned step)
{
	struct cp_waiters_slot *s = &b->slot[way];
	uintptr_t empty = 0;

	if (cp_load_rlx(&s->lock) || !cp_cas_acq(&s->lock, &empty, BUSY))
		return false;
	cp_store_rlx(&s->since, now << 1);
	cp_store_rlx(&b->step[way], (uint8_t)step);
	cp_store_rel(&s->lock, lock); /* pairs with charge_bucket */
	return true;
}

uint32_t cp_waiters_enter(uintptr_t lock, uint64_t now, unsigned step)
{
	uint32_t home = cp_waiters_home(lock);

	for (uint32_t i = 0; i < REACH; i++) {
		uint32_t at = (home + i) % BUCKETS;

		if (i == 1) /* told before the slot is, pairs with cp_waiters_charge */
			cp_add_acqrel(&cp_waiters[home].strays, 1);
		for (uint32_t w = 0; w < WAYS; w++)
			if (enter_slot(&cp_waiters[at], w, lock, now, step))
				return at * WAYS + w + 1;
	}
	cp_add_acqrel(&cp_waiters[home].strays, -1);
	cp_loss_add(CP_LOSS_WAITERS_FULL, 1);
	return 0;
}

void cp_waiters_leave(uintptr_t lock, uint32_t ticket)
{
	uint32_t at = (ticket - 1) / WAYS, home = cp_waiters_home(lock);
	uintptr_t mine = lock;

	/* rel: pairs with the claim of the next one in this slot. A forked child has the
	 * ticket of a wait that its parent is in, and no slot. */
	if (!ticket || !cp_cas_rel(&cp_waiters[at].slot[(ticket - 1) % WAYS].lock, &mine, 0))
		return;
	if (at != home)
		cp_add_acqrel(&cp_waiters[home].strays, -1);
}

static void charge_slot(struct cp_waiters_slot *s, unsigned step, uint64_t now, struct cp_waited *w)
{
	uint64_t since = cp_load_rlx(&s->since);
	int64_t ticks = (int64_t)(now - (since >> 1));

	if (ticks < 0 || !cp_cas_rlx(&s->since, &since, now << 1 | MET))
		return;
	w->hit = true;
	w->ticks += (uint64_t)ticks << step;
	w->fresh += (uint64_t) !(since & MET) << step;
}

static void charge_bucket(struct cp_waiters_bucket *b, uintptr_t lock, uint64_t *now,
			  struct cp_waited *w)
{
	for (uint32_t i = 0; i < WAYS; i++) {
		if (cp_load_acq(&b->slot[i].lock) != lock) /* pairs with enter_slot */
			continue;
		if (!*now)
			*now = cp_ticks_now();
		charge_slot(&b->slot[i], cp_load_rlx(&b->step[i]), *now, w);
	}
}

struct cp_waited cp_waiters_charge(uintptr_t lock)
{
	uint32_t home = cp_waiters_home(lock);
	struct cp_waited w = {0};
	uint64_t now = 0;

	charge_bucket(&cp_waiters[home], lock, &now, &w);
	if (CP_LIKELY(!cp_load_acq(&cp_waiters[home].strays))) /* pairs with cp_waiters_enter */
		return w;
	for (uint32_t i = 1; i < REACH; i++)
		charge_bucket(&cp_waiters[(home + i) % BUCKETS], lock, &now, &w);
	return w;
}
