/* SPDX-License-Identifier: MIT */
/*
 * sofar.c - how much of a wait that is under way is in the counters already
 *
 * Context  as sofar.h says of each
 * Calls    rt only.
 * Shared   until: by readers (CAS) and the slot's thread (swap); cell: the reader's alone. In
 *          memory a forked child finds zeroed: nobody waits there.
 * Order    until carries all there is to know: relaxed. That a wait is over is published by
 *          its record (waiting.h), before the thread reads the clock and swaps: a reader
 *          that finds the record unchanged after its own clock has an earlier time (by the
 *          processor's counter, up to some instructions: so many ticks may be given twice).
 * Holds    until only grows, with its slot's next thread too: so a reader that comes too
 *          late finds another time than it saw, and gives nothing.
 * Why      The time itself tells which wait it is about: one that began later is another. So
 *          a wait needs no entry when it begins, and one that was jumped out of no end.
 *          A short wait, which is nearly every one, never comes here.
 */
#include "sofar.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "threads.h"

#include <errno.h>

#define ENDED 1UL /* in until: by the thread itself */

struct entry {
	uint64_t until; /* in ticks, above the bit ENDED */
	uint32_t cell;
};

static struct {
	struct entry *entry;
} st;

int cp_sofar_init(void)
{
	st.entry = cp_mem_wiped(CP_THREADS_MAX * sizeof(*st.entry));
	return st.entry ? 0 : -ENOMEM;
}

static bool is_about(uint64_t until, uint64_t start)
{
	return (int64_t)((until >> 1) - start) > 0;
}

bool cp_sofar_has(uint32_t slot, uint64_t start)
{
	return is_about(cp_load_rlx(&st.entry[slot].until), start);
}

bool cp_sofar_add(uint32_t slot, uint64_t start, uint64_t now, struct cp_sofar *part)
{
	struct entry *e = &st.entry[slot];
	uint64_t until = cp_load_rlx(&e->until);
	bool met = is_about(until, start);
	uint64_t from = met ? until >> 1 : start;

	if ((met && until & ENDED) || (int64_t)(now - from) <= 0)
		return false;
	*part = (struct cp_sofar){now - from, met ? e->cell : 0, !met};
	return cp_cas_rlx(&e->until, &until, now << 1);
}

void cp_sofar_note(uint32_t slot, uint32_t cell)
{
	st.entry[slot].cell = cell;
}

struct cp_sofar cp_sofar_end(uint32_t slot, uint64_t start, uint64_t now)
{
	uint64_t until = cp_xchg_acqrel(&st.entry[slot].until, now << 1 | ENDED);
	bool met = is_about(until, start) && !(until & ENDED);
	uint64_t from = met ? until >> 1 : start;

	return (struct cp_sofar){.ticks = (uint64_t)CP_MAX((int64_t)(now - from), 0L),
				 .first = !met};
}
