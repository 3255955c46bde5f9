/* SPDX-License-Identifier: MIT */
/*
 * threads.c - the threads there are: one slot each
 *
 * Context  HOST, SIGNAL, CONTROL: as threads.h says of each
 * Calls    rt only.
 * Shared   st.table: map (a bit per slot), found (a bit per slot a reader made), slot[].
 * Order    map: a bit is set acq_rel by who claims, cleared acq_rel by who frees, so
 *          the next owner writes after the last one.
 *          state: rel by who describes a slot / acq by who holds it. USED -> USED|HELD by
 *          a reader's CAS; GONE is set once, by the thread or a reader; of
 *          the two that could free a slot, the later one does.
 *          enter: its slot is out, fence, is there one that was found?   adopt: the found
 *          one is out, fence, has the thread another? One of the two sees the other.
 * Holds    A slot that is given back has no timer any more.
 *          A thread has one slot: of two the found one goes, and the other goes on from what
 *          that one has charged. So its time is counted once.
 *          Readers hold one slot at a time and not for long; there may be two
 *          (a job, and a thread that moves the timers to another signal): what one holds
 *          the other passes by.
 * Fails    see threads.h
 * Why      A map of bits is scanned in a few cache lines with 8,192 threads, and
 *          keeps slots in use together, so that pages stay untouched.
 */
#include "threads.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/timer.h"
#include "loss.h"

#include <errno.h>
#include <string.h>

#define WORDS (CP_THREADS_MAX / 64)

struct table {
	uint64_t map[WORDS], found[WORDS];
	struct cp_thread_slot slot[];
};

static struct {
	struct table *table;
	uint32_t cap;
} st;

_Static_assert(sizeof(struct cp_thread_slot) == 2 * CP_CACHE_LINE, "two cache lines");

int cp_threads_init(size_t bytes)
{
	size_t n = (bytes - sizeof(struct table)) / sizeof(struct cp_thread_slot);

	st.table = cp_mem_wiped(bytes);
	if (!st.table)
		return -ENOMEM;
	st.cap = (uint32_t)CP_MIN(n, (size_t)CP_THREADS_MAX) & ~63U;
	return 0;
}

static struct cp_thread_slot *claim(void)
{
	for (uint32_t w = 0; w < st.cap / 64; w++) {
		uint64_t seen = cp_load_rlx(&st.table->map[w]);

		while (~seen) {
			uint64_t bit = ~seen & -~seen;

			seen = cp_or_acqrel(&st.table->map[w], bit); /* see Order */
			if (!(seen & bit))
				return &st.table->slot[w * 64 + (uint32_t)__builtin_ctzll(bit)];
		}
	}
	cp_loss_add(CP_LOSS_THREADS_FULL, 1);
	return NULL;
}

static void give_back(struct cp_thread_slot *s)
{
	uint32_t i = cp_threads_number(s);
	uint32_t timer = cp_xchg_acqrel(&s->timer, 0); /* ours alone: a plain swap */

	if (timer)
		cp_timer_delete((int)timer - 1);
	cp_store_rlx(&s->tid, 0);
	cp_store_rlx(&s->state, 0);
	cp_and_rlx(&st.table->found[i / 64], ~(1ULL << i % 64));
	cp_and_acqrel(&st.table->map[i / 64], ~(1ULL << i % 64)); /* see Order */
}

/* Of 32 KB, two pages of which thread.c gives away. A signal's frame takes 3.6 KB (more on newer
 * processors), and its handler as much; below the stack may lie anything. */
#define LEAST_STACK (6 * CP_PAGE)

/* The caller holds it until it has filled it in. found: 0 or CP_THREAD_FOUND. */
static struct cp_thread_slot *describe(uint32_t tid, uintptr_t start, uint64_t charged,
				       uint32_t found)
{
	struct cp_thread_slot *s = st.cap ? claim() : NULL;
	uint32_t i;

	if (!s)
		return NULL;
	/* state and tid are 0, and others look at them */
	memset(&s->charged, 0, sizeof(*s) - offsetof(struct cp_thread_slot, charged));
	s->start = start;
	s->charged = charged;
	cp_store_rlx(&s->tid, tid);
	i = cp_threads_number(s);
	if (found)
		cp_or_rlx(&st.table->found[i / 64], 1ULL << i % 64);
	cp_store_rel(&s->state, CP_THREAD_USED | CP_THREAD_HELD | found); /* see Order */
	cp_fence_seq(); /* see Order: enter, adopt */
	return s;
}

struct cp_thread_slot *cp_threads_slot(uint32_t number)
{
	return number < st.cap ? &st.table->slot[number] : NULL;
}

uint32_t cp_threads_number(const struct cp_thread_slot *s)
{
	return (uint32_t)(s - st.table->slot);
}

bool cp_threads_is(uint32_t number, uint32_t tid)
{
	const struct cp_thread_slot *s = cp_threads_slot(number);

	return s && !(cp_load_acq(&s->state) & CP_THREAD_GONE) && /* see Order */
	       cp_load_rlx(&s->tid) == tid;
}

/* The thread's record has its number without a system call, unless that is from before a fork,
 * or the record is another thread's (a raw clone). */
bool cp_threads_is_own(const struct cp_thread_slot *s)
{
	uint32_t tid = cp_load_rlx(&s->tid);

	return (tid == cp_self.tid && cp_self.epoch == cp_epoch()) ||
	       tid == (uint32_t)cp_sys_gettid();
}

bool cp_threads_is_astray(const struct cp_thread_slot *s)
{
	return s->home && s->home != cp_thread_base();
}

bool cp_threads_am_astray(void)
{
	uint32_t tid = (uint32_t)cp_sys_gettid();

	for (uint32_t at = 0, i; (i = cp_threads_look(&at)) < st.cap;)
		if (cp_threads_is(i, tid) && cp_threads_is_astray(&st.table->slot[i]))
			return true;
	return false;
}

bool cp_threads_rename(struct cp_thread_slot *s, const char name[16])
{
	uint64_t word[2];

	memcpy(word, name, sizeof(word));
	if (CP_LIKELY(cp_load_rlx(&s->name[0]) == word[0] && cp_load_rlx(&s->name[1]) == word[1]))
		return false;
	cp_store_rlx(&s->name[0], word[0]);
	cp_store_rlx(&s->name[1], word[1]);
	return true;
}

struct cp_thread_slot *cp_threads_of(const struct cp_thread *t)
{
	/* After a fork the record still names the parent's slot. */
	struct cp_thread_slot *s =
		t->slot && t->epoch == cp_epoch() ? cp_threads_slot(t->slot - 1) : NULL;

	/* Taken for gone, it was given away: rare, and never to be settled twice. */
	return s && cp_load_rlx(&s->tid) == t->tid ? s : NULL;
}

/* A found slot is done with, if it still is this thread's: what it has charged. */
static uint64_t retire(struct cp_thread_slot *s, uint32_t tid)
{
	uint32_t seen = cp_load_acq(&s->state); /* see Order */

	while (seen & CP_THREAD_FOUND && !(seen & CP_THREAD_GONE) && cp_load_rlx(&s->tid) == tid) {
		uint64_t charged = cp_load_rlx(&s->charged);

		if (!cp_cas_acqrel(&s->state, &seen, seen | CP_THREAD_GONE)) /* see Order */
			continue;
		if (seen & CP_THREAD_HELD)
			return charged;		    /* who holds it gives it back */
		charged = cp_load_rlx(&s->charged); /* a tick may have come in between */
		give_back(s);
		return charged;
	}
	return 0;
}

static uint64_t retire_found(uint32_t tid)
{
	uint64_t charged = 0;

	for (uint32_t w = 0; w < st.cap / 64; w++)
		for (uint64_t rest = cp_load_rlx(&st.table->found[w]); rest; rest &= rest - 1)
			charged += retire(&st.table->slot[w * 64 + (uint32_t)__builtin_ctzll(rest)],
					  tid);
	return charged;
}

/* What was charged of the caller's time when it was found; of a thread that has ended and
 * had its number, nothing: that one's clock may be ahead. */
static uint64_t charged_before(uint32_t tid)
{
	uint64_t charged = retire_found(tid);

	if (charged && (int64_t)charged > cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID))
		return 0;
	return charged;
}

struct cp_thread_slot *cp_threads_enter(struct cp_thread *t, uintptr_t start)
{
	struct cp_thread_slot *s = describe(t->tid, start, 0, 0);

	t->slot = s ? cp_threads_number(s) + 1 : 0;
	if (!s)
		return NULL;
	cp_store_rlx(&s->charged, charged_before(t->tid));
	s->home = cp_thread_pointer();
	if (t->stack_lo && t->stack_hi - t->stack_lo < LEAST_STACK)
		s->small = CP_SMALL_STACK;
	if (t->small_signal_stack)
		s->small |= CP_SMALL_SIGNAL_STACK;
	cp_threads_release(s, false);
	return s;
}

static bool has_another(const struct cp_thread_slot *s)
{
	for (uint32_t w = 0; w < st.cap / 64; w++)
		for (uint64_t rest = cp_load_rlx(&st.table->map[w]); rest; rest &= rest - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(rest);

			if (&st.table->slot[i] != s && cp_threads_is(i, s->tid))
				return true;
		}
	return false;
}

struct cp_thread_slot *cp_threads_adopt(uint32_t tid, uint64_t charged)
{
	struct cp_thread_slot *s = describe(tid, 0, charged, CP_THREAD_FOUND);

	if (!s || !has_another(s))
		return s;
	cp_threads_release(s, true);
	return NULL;
}

void cp_threads_leave(struct cp_thread_slot *s)
{
	if (!(cp_or_acqrel(&s->state, CP_THREAD_GONE) & CP_THREAD_HELD)) /* see Order */
		give_back(s);
}

static bool hold(struct cp_thread_slot *s)
{
	uint32_t seen = cp_load_rlx(&s->state);

	while ((seen & ~CP_THREAD_FOUND) == CP_THREAD_USED)
		if (cp_cas_acqrel(&s->state, &seen, seen | CP_THREAD_HELD)) /* see Order */
			return true;
	return false;
}

uint32_t cp_threads_look(uint32_t *at)
{
	while (*at < st.cap) {
		uint64_t rest = cp_load_rlx(&st.table->map[*at / 64]) >> *at % 64;

		if (rest) {
			*at += (uint32_t)__builtin_ctzll(rest);
			return (*at)++;
		}
		*at = (*at | 63) + 1;
	}
	return CP_THREADS_MAX;
}

struct cp_thread_slot *cp_threads_next(uint32_t *at)
{
	uint32_t i;

	while ((i = cp_threads_look(at)) < CP_THREADS_MAX)
		if (hold(&st.table->slot[i]))
			return &st.table->slot[i];
	return NULL;
}

void cp_threads_release(struct cp_thread_slot *s, bool gone)
{
	uint32_t was;

	if (gone)
		cp_or_acqrel(&s->state, CP_THREAD_GONE);
	was = cp_and_acqrel(&s->state, ~(uint32_t)CP_THREAD_HELD); /* see Order */
	if (was & CP_THREAD_GONE)
		give_back(s);
}

bool cp_threads_any_held(void)
{
	for (uint32_t i = 0; i < st.cap; i++) {
		if (!(cp_load_rlx(&st.table->map[i / 64]) >> i % 64))
			i |= 63;
		else if (cp_load_acq(&st.table->slot[i].state) & CP_THREAD_HELD) /* see Order */
			return true;
	}
	return false;
}
