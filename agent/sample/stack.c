/* SPDX-License-Identifier: MIT */
/*
 * stack.c - the stack table: each distinct stack once, under a number
 *
 * Context  HOST, SIGNAL: cp_stack_intern      CONTROL: cp_stack_get, _count
 * Calls    rt only.
 * Shared   head->used, ->count (relaxed adds); the index (index.h);
 *          records, written before they are published and never after.
 * Order    an entry: rel by cp_stack_intern / acq by the next one that looks
 * Holds    A number is its record's offset in units of 16 bytes; 0 and 1 are
 *          the two stacks that stand for none and for full.
 *          head->used <= st.units but for reservations being taken back.
 * Fails    No room, or none on its way through the index: CP_SID_FULL, counted.
 * Why      One fixed map, touched as it fills: nothing to grow, so nothing to
 *          lock. Two threads that meet the same new stack at once waste one
 *          record; that costs less than any way of preventing it.
 */
#include "stack.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "index.h"
#include "loss.h"

#include <errno.h>

#define UNIT	     16UL
#define FIRST_UNIT   2U	 /* numbers below are reserved */
#define BYTES_A_SLOT 128 /* a stack of 25 frames takes 216: about half full at most */

struct head {
	uint64_t used; /* units handed out */
	uint32_t count;
};

static struct {
	struct cp_index index; /* begins the wiped map, */
	struct head *head;     /* with this behind it */
	char *record;	       /* unit 0; NULL: there is no table */
	uint64_t units;
} st CP_WARM;

static const struct cp_stack none = {
	.n = 1,
	.frame = {(uint64_t)CP_MODULE_SYNTH << CP_FRAME_ADDR_BITS | (0x1000 + CP_SYNTH_NO_STACK)}};
static const struct cp_stack full = {.n = 1,
				     .frame = {(uint64_t)CP_MODULE_SYNTH << CP_FRAME_ADDR_BITS |
					       (0x1000 + CP_SYNTH_TABLE_FULL)}};

int cp_stack_init(size_t bytes)
{
	size_t slots = 1024;
	char *map = cp_mem_wiped(bytes);

	if (!map)
		return -ENOMEM;
	while (slots * 2 * BYTES_A_SLOT <= bytes)
		slots *= 2;
	cp_index_init(&st.index, map, slots);
	st.head = (struct head *)(map + cp_index_size(slots));
	st.record = (char *)st.head + CP_CACHE_LINE;
	st.units = (uint64_t)(map + bytes - st.record) / UNIT - FIRST_UNIT;
	return 0;
}

static uint64_t hash_frames(const cp_frame *frame, unsigned n, bool cut)
{
	uint64_t h = n << 1 | cut;

	for (unsigned i = 0; i < n; i++) {
		h = (h ^ frame[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return h;
}

static struct cp_stack *record_of(cp_sid sid)
{
	return (struct cp_stack *)(st.record + sid * UNIT);
}

static bool same(const struct cp_stack *s, uint64_t hash, const cp_frame *frame, unsigned n,
		 bool cut)
{
	if (s->hash != hash || s->n != n || s->cut != cut)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (s->frame[i] != frame[i])
			return false;
	return true;
}

static uint64_t units_for(unsigned n)
{
	return (sizeof(struct cp_stack) + n * sizeof(cp_frame) + UNIT - 1) / UNIT;
}

/* Reserves and fills a record nobody can see yet; 0 when there is no room. */
static cp_sid append(uint64_t hash, const cp_frame *frame, unsigned n, bool cut)
{
	uint64_t units = units_for(n);
	/* acq: pairs with take_back, whose owner may have written here before. */
	uint64_t at = cp_add_acqrel(&st.head->used, units);
	struct cp_stack *s;

	if (at > st.units || units > st.units - at) {
		cp_sub_rlx(&st.head->used, units);
		return CP_SID_NONE;
	}
	s = record_of((cp_sid)(at + FIRST_UNIT));
	s->hash = hash;
	s->n = n;
	s->cut = cut;
	for (unsigned i = 0; i < n; i++)
		s->frame[i] = frame[i];
	return (cp_sid)(at + FIRST_UNIT);
}

/* Gives a record back when it still is the last one; else it stays unused. */
static void take_back(cp_sid sid, unsigned n)
{
	uint64_t end = sid - FIRST_UNIT + units_for(n);

	if (sid) /* rel: pairs with append: what we wrote there comes before the next owner */
		cp_cas_rel(&st.head->used, &end, (uint64_t)sid - FIRST_UNIT);
}

static cp_sid charge_full(void)
{
	cp_loss_add(CP_LOSS_STACKS_FULL, 1);
	return CP_SID_FULL;
}

cp_sid cp_stack_intern(const cp_frame *frame, unsigned n, bool cut)
{
	uint64_t hash = hash_frames(frame, n, cut), *slot;
	cp_sid mine = 0;

	if (n == 0 || !st.record)
		return CP_SID_NONE;
	for (unsigned i = 0; (slot = cp_index_slot(&st.index, hash, i)); i++) {
		uint64_t entry = cp_load_acq(slot); /* pairs with the rel below */

		if (!entry && !mine) {
			mine = append(hash, frame, n, cut);
			if (!mine)
				return charge_full();
		}
		/* rel: the record's bytes before its number */
		if (!entry && cp_cas_acqrel(slot, &entry, cp_index_entry(hash, mine))) {
			cp_add_rlx(&st.head->count, 1);
			return mine;
		}
		if (cp_index_fits(entry, hash) &&
		    same(record_of(cp_index_number(entry)), hash, frame, n, cut)) {
			take_back(mine, n);
			return cp_index_number(entry);
		}
	}
	take_back(mine, n);
	return charge_full();
}

static bool is_record(cp_sid sid)
{
	uint64_t at = sid - FIRST_UNIT;

	return at + units_for(0) <= st.units && record_of(sid)->n &&
	       at + units_for(record_of(sid)->n) <= st.units;
}

const struct cp_stack *cp_stack_get(cp_sid sid)
{
	if (sid < FIRST_UNIT)
		return sid == CP_SID_FULL ? &full : &none;
	/* A handler that forks between a stack and its cell leaves the child a number without
	 * a record, where any bytes may lie. */
	return is_record(sid) ? record_of(sid) : &none;
}

uint32_t cp_stack_count(void)
{
	return st.head ? cp_load_rlx(&st.head->count) : 0;
}
