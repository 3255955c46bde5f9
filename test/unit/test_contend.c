/* SPDX-License-Identifier: MIT */
/*
 * test_contend.c - the waiter table, waits within waits, what is charged and when
 *
 * Context  TEST
 * Modes    fm-101
 */
#include "../../agent/rt/atomic.h"
#include "../../agent/rt/sys.h"
#include "../../agent/rt/ticks.h"
#include "../../agent/sample/loss.h"
#include "../../agent/sample/sofar.h"
#include "../../agent/sample/stack.h"
#include "../../agent/sample/threads.h"
#include "../../agent/sample/waiters.h"
#include "../lib/contend_kit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#define MANY 400
#define MS   1000000L

static void a_wait_is_charged_in_parts(void **state)
{
	uint64_t second = cp_ticks_in(1000 * MS);
	uint32_t ticket = cp_waiters_enter(LOCK, cp_ticks_now() - second, 0);
	struct cp_waited w;

	(void)state;
	assert_int_not_equal(ticket, 0);
	assert_false(cp_waiters_charge(LOCK + 64).hit);
	w = cp_waiters_charge(LOCK);
	assert_true(w.hit && w.fresh == 1);
	assert_in_range(w.ticks, second, second + second / 2);
	w = cp_waiters_charge(LOCK); /* begins where the last one ended */
	assert_true(w.hit && w.fresh == 0);
	assert_in_range(w.ticks, 0, second / 2);
	cp_waiters_leave(LOCK, ticket);
	assert_false(cp_waiters_charge(LOCK).hit);
}

/* More than stand near the lock's home: the rest have no ticket, and nothing stays. */
static void many_wait_for_one_lock(void **state)
{
	uint64_t lost = cp_loss_read(CP_LOSS_WAITERS_FULL);
	uint32_t ticket[MANY], with = 0;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++) {
			ticket[i] = cp_waiters_enter(LOCK, 1 + i, 0);
			with += ticket[i] != 0;
		}
		assert_int_equal(cp_waiters_charge(LOCK).fresh, with);
		assert_in_range(with, 150, MANY - 1);
		lost += MANY - with;
		assert_int_equal(cp_loss_read(CP_LOSS_WAITERS_FULL), lost);
		for (int i = 0; i < MANY; i++)
			cp_waiters_leave(LOCK, ticket[i]);
		assert_false(cp_waiters_charge(LOCK).hit);
		with = 0;
	}
}

static struct {
	uintptr_t lock[8];
	uint32_t done;
} crowd;

static void *comes_and_goes(void *arg)
{
	uintptr_t lock = *(uintptr_t *)arg;

	for (int i = 0; i < 20000; i++)
		cp_waiters_leave(lock, cp_waiters_enter(lock, cp_ticks_now(), 0));
	cp_add_rlx(&crowd.done, 1);
	return NULL;
}

/* Nobody is charged for more than there was, while all come and go. */
static void a_crowd_leaves_nothing(void **state)
{
	uint64_t from = cp_ticks_now(), ticks = 0;
	pthread_t t[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		crowd.lock[i] = LOCK + (uintptr_t)(i / 2) * 40;
		assert_int_equal(pthread_create(&t[i], NULL, comes_and_goes, &crowd.lock[i]), 0);
	}
	while (cp_load_rlx(&crowd.done) < 8)
		for (int i = 0; i < 8; i += 2)
			ticks += cp_waiters_charge(crowd.lock[i]).ticks;
	assert_true(ticks <= 8 * (cp_ticks_now() - from));
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		assert_false(cp_waiters_charge(crowd.lock[i]).hit);
	}
}

static void begin(struct cp_waiter *w, struct cp_call call, uintptr_t lock)
{
	cp_probe_wait_begin(w, call, CP_WAIT_MUTEX, (void *)lock, NULL);
}

static void waits_nest(void **state)
{
	uintptr_t below[2] = {0};
	struct cp_call call = CALL_HERE(), inner = call;
	struct cp_waiter outer, between;
	uint32_t seq = cp_waiting.said.seq;

	(void)state;
	inner.sp = (uintptr_t)&below[2]; /* a handler, on the same stack */
	begin(&outer, call, LOCK);
	begin(&between, inner, LOCK + 512);
	assert_int_equal(cp_waiting.said.object, LOCK + 512);
	assert_true(cp_waiters_charge(LOCK).hit && cp_waiters_charge(LOCK + 512).hit);
	cp_probe_wait_end(&between, true);
	assert_int_equal(cp_waiting.said.object, LOCK);
	assert_true(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&outer, true);
	assert_int_equal(cp_waiting.said.kind, CP_WAIT_NONE);
	assert_false(cp_waiters_charge(LOCK).hit);
	assert_int_equal(cp_waiting.said.seq, seq + 8);
}

/* A handler on a stack of its own, which may lie anywhere. */
static void waits_nest_across_stacks(void **state)
{
	static uintptr_t elsewhere[2];
	struct cp_call call = CALL_HERE(), inner = call;
	struct cp_waiter outer, between;

	(void)state;
	assert_true(cp_thread_ready()->stack_hi > 0);
	inner.sp = (uintptr_t)&elsewhere[2];
	begin(&outer, call, LOCK);
	begin(&between, inner, LOCK + 512);
	assert_true(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&between, true);
	assert_int_equal(cp_waiting.said.object, LOCK);
	cp_probe_wait_end(&outer, true);
	assert_int_equal(cp_waiting.said.kind, CP_WAIT_NONE);
	assert_false(cp_waiters_charge(LOCK).hit);
}

static void a_wait_jumped_out_of_ends_with_the_next(void **state)
{
	struct cp_call call = CALL_HERE();
	struct cp_waiter w;

	(void)state;
	begin(&w, call, LOCK);
	begin(&w, call, LOCK + 512);
	assert_false(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&w, false);
	assert_int_equal(cp_waiting.said.kind, CP_WAIT_NONE);
	assert_false(cp_waiters_charge(LOCK + 512).hit);
}

/* The next one is deeper, as a handler's would be; but the frame has gone. */
static void a_wait_jumped_out_of_ends_with_a_deeper_one(void **state)
{
	uintptr_t above[2] = {0, 0x1000}, below[2] = {0, 0x3000};
	struct cp_call call = CALL_HERE(), inner = call;
	struct cp_waiter w;

	(void)state;
	call.sp = CP_MAX((uintptr_t)&above[2], (uintptr_t)&below[2]);
	inner.sp = CP_MIN((uintptr_t)&above[2], (uintptr_t)&below[2]);
	begin(&w, call, LOCK);
	((uintptr_t *)call.sp)[-1] = 0x2000;
	begin(&w, inner, LOCK + 512);
	assert_false(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&w, false);
	assert_int_equal(cp_waiting.said.kind, CP_WAIT_NONE);
}

/* A handler that comes while a wait is said finds the kind, and the last wait's caller; it
 * may also never come back. */
static void a_wait_half_said_is_interrupted(void **state)
{
	uintptr_t below[2] = {0};
	struct cp_call call = CALL_HERE(), inner = call;
	struct cp_waiter w;

	(void)state;
	inner.sp = (uintptr_t)&below[2];
	begin(&w, call, LOCK);
	cp_probe_wait_end(&w, false);
	cp_waiting.said.sp = inner.sp - 4096;
	cp_waiting.said.seq++;
	cp_waiting.said.kind = CP_WAIT_MUTEX;
	begin(&w, inner, LOCK + 512);
	assert_int_equal(cp_waiting.said.seq % 2, 0);
	cp_probe_wait_end(&w, false);
	assert_int_equal(cp_waiting.said.kind, CP_WAIT_MUTEX);
	cp_waiting.said.seq |= 1;
	begin(&w, call, LOCK);
	assert_int_equal(cp_waiting.said.seq % 2, 0);
	cp_probe_wait_end(&w, false);
	assert_int_equal(cp_waiting.said.seq % 2, 0);
	cp_wait_say_nothing();
}

static void *leaves_in_a_wait(void *arg)
{
	struct cp_call call = CALL_HERE();
	struct cp_waiter w;

	begin(&w, call, LOCK);
	assert_true(cp_waiters_charge(LOCK).hit);
	return arg;
}

static void a_wait_ends_with_its_thread(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, leaves_in_a_wait, NULL), 0);
	pthread_join(t, NULL);
	assert_false(cp_waiters_charge(LOCK).hit);
}

/* As in a child, whose table is empty: nothing is taken from those who wait now. */
static void a_ticket_of_another_life_is_void(void **state)
{
	uint32_t ticket = cp_waiters_enter(LOCK, 1, 0);

	(void)state;
	cp_waiters_leave(LOCK + 8, ticket);
	assert_true(cp_waiters_charge(LOCK).hit);
	cp_waiters_leave(LOCK, ticket);
	cp_waiters_leave(LOCK, ticket);
	assert_false(cp_waiters_charge(LOCK).hit);
}

/* What an unlock found is the unlocker's, times the fraction. */
static void an_unlock_is_charged(void **state)
{
	struct cp_handover h = {.hit = true, .fresh = 2, .ticks = cp_ticks_in(5 * MS)};
	struct cp_call call = CALL_HERE();
	struct cp_contend_row before = sum(CP_CONTEND_MUTEX), after;

	(void)state;
	cp_probe_unlock_end(&h, call);
	after = sum(CP_CONTEND_MUTEX);
	assert_int_equal(after.contentions - before.contentions, 2);
	assert_in_range(after.delay - before.delay, 5 * MS - MS / 100, 5 * MS + MS / 100);
}

/* --- what is charged while a wait is under way ----------------------------------- */

#define SLOT 5

static void time_is_given_once(void **state)
{
	struct cp_sofar part, rest;

	(void)state;
	assert_false(cp_sofar_has(SLOT, 100 * MS));
	assert_true(cp_sofar_add(SLOT, 100 * MS, 120 * MS, &part));
	assert_true(part.first && part.ticks == 20 * MS);
	cp_sofar_note(SLOT, 7);
	assert_true(cp_sofar_has(SLOT, 100 * MS));
	assert_true(cp_sofar_add(SLOT, 100 * MS, 150 * MS, &part));
	assert_true(!part.first && part.ticks == 30 * MS && part.cell == 7);
	assert_false(cp_sofar_add(SLOT, 100 * MS, 150 * MS, &part)); /* nothing is new */
	rest = cp_sofar_end(SLOT, 100 * MS, 157 * MS);
	assert_true(!rest.first && rest.ticks == 7 * MS);
	assert_false(cp_sofar_add(SLOT, 100 * MS, 160 * MS, &part)); /* too late */
}

static void an_unmet_wait_is_whole_at_its_end(void **state)
{
	struct cp_sofar part, rest = cp_sofar_end(SLOT, 200 * MS, 250 * MS);

	(void)state;
	assert_true(rest.first && rest.ticks == 50 * MS);
	/* What a reading gave of one that was jumped out of isn't the next one's. */
	assert_true(cp_sofar_add(SLOT, 300 * MS, 320 * MS, &part));
	rest = cp_sofar_end(SLOT, 330 * MS, 350 * MS);
	assert_true(rest.first && rest.ticks == 20 * MS);
}

static struct {
	uint64_t start; /* of the wait under way; 0: none */
	uint64_t waits, ticks, done;
} sleeper;

/* Not the counter: what is shown here needs a clock that is read when the program says so. */
static uint64_t now_ns(void)
{
	return (uint64_t)cp_now_ns(CLOCK_MONOTONIC);
}

/* Says when a wait begins, and that it is over before it reads the clock, as waits do. */
static void *sleeps_and_wakes(void *arg)
{
	uint64_t *given = arg;

	for (int i = 0; i < 100000; i++) {
		uint64_t start = now_ns(), end;
		struct cp_sofar rest;

		cp_store_rel(&sleeper.start, start); /* pairs with the loop below */
		for (int k = 0; k < i % 64; k++)
			__asm__ volatile("pause");
		cp_store_rel(&sleeper.start, 0); /* likewise */
		cp_fence_seq(); /* the clock is read after that: so are real ends */
		end = now_ns();
		rest = cp_sofar_end(SLOT + 1, start, end);
		given[0] += rest.first;
		given[1] += rest.ticks;
		sleeper.ticks += end - start;
		sleeper.waits++;
	}
	cp_store_rel(&sleeper.done, 1); /* pairs likewise */
	return NULL;
}

static void nothing_is_lost_or_doubled_in_a_race(void **state)
{
	uint64_t by_thread[2] = {0}, by_reader[2] = {0};
	struct cp_sofar part;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, sleeps_and_wakes, by_thread), 0);
	while (!cp_load_acq(&sleeper.done)) {
		uint64_t start = cp_load_acq(&sleeper.start), now = now_ns();

		if (!start || cp_load_acq(&sleeper.start) != start ||
		    !cp_sofar_add(SLOT + 1, start, now, &part))
			continue;
		by_reader[0] += part.first;
		by_reader[1] += part.ticks;
	}
	pthread_join(t, NULL);
	assert_int_equal(by_thread[0] + by_reader[0], sleeper.waits);
	assert_int_equal(by_thread[1] + by_reader[1], sleeper.ticks);
	print_message("%lu of %lu waits were met\n", by_reader[0], sleeper.waits);
}

static uint64_t after_ms(long ms)
{
	struct timespec ts = {0, ms * MS};

	nanosleep(&ts, NULL);
	return cp_ticks_now();
}

/* One in ten thousand of it either way: the speed was found at another moment. */
static void assert_delay(int64_t got, uint64_t least, uint64_t most)
{
	double from = cp_ticks_ns(least), to = cp_ticks_ns(most);

	assert_in_range(got, (uint64_t)(from - from / 10000), (uint64_t)(to + to / 10000));
}

/* Done as a reading does it. */
static void a_wait_counts_once(void **state)
{
	uint32_t slot = cp_threads_number(cp_threads_enter(cp_thread_ready(), 0));
	struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;
	struct cp_call call = CALL_HERE();
	uint64_t now, least, long_ago = cp_ticks_in(CP_SOFAR_LEAST);
	struct cp_waiter w;

	(void)state;
	begin(&w, call, LOCK);
	assert_false(
		cp_contend_is_due(slot, &cp_waiting.said, w.began + long_ago - long_ago / 100));
	assert_true(cp_contend_is_due(slot, &cp_waiting.said, w.began + long_ago + long_ago / 100));
	assert_false(cp_contend_is_known(slot, &cp_waiting.said));
	now = after_ms(10);
	cp_contend_add(slot, &cp_waiting.said, CP_SID_NONE, now);
	assert_true(cp_contend_is_known(slot, &cp_waiting.said));
	after = sum(CP_CONTEND_BLOCK);
	assert_int_equal(after.contentions - before.contentions, 1);
	assert_delay(after.delay - before.delay, now - w.began, now - w.began);
	least = after_ms(1) - w.began;
	cp_probe_wait_end(&w, true);
	after = sum(CP_CONTEND_BLOCK);
	now = after_ms(0);
	assert_int_equal(after.contentions - before.contentions, 1);
	assert_delay(after.delay - before.delay, least, now - w.began);
}

/* A handler's wait in the middle of another is not due, and doesn't end it. */
static void an_inner_wait_leaves_the_outer_alone(void **state)
{
	uintptr_t below[2] = {0};
	uint32_t slot = cp_threads_number(cp_threads_of(cp_thread_ready()));
	struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;
	struct cp_call call = CALL_HERE(), inner = call;
	struct cp_waiter outer, between;
	uint64_t most;

	(void)state;
	inner.sp = (uintptr_t)&below[2];
	begin(&outer, call, LOCK);
	cp_contend_add(slot, &cp_waiting.said, CP_SID_NONE, after_ms(10));
	begin(&between, inner, LOCK + 512);
	assert_false(cp_contend_is_due(slot, &cp_waiting.said,
				       between.began + cp_ticks_in(2 * CP_SOFAR_LEAST)));
	after_ms(10);
	cp_probe_wait_end(&between, true);
	cp_probe_wait_end(&outer, true);
	after = sum(CP_CONTEND_BLOCK);
	most = after_ms(0) - outer.began + after_ms(0) - between.began;
	assert_int_equal(after.contentions - before.contentions, 2);
	assert_delay(after.delay - before.delay, cp_ticks_in(30 * MS), most);
}

static int set_up(void **state)
{
	static const struct cp_contend_config all = {.fraction = 1, .rate = 1};

	(void)state;
	cp_ticks_init();
	after_ms(10); /* the longer ago, the better is known how long a tick is */
	return cp_thread_init() || cp_loss_init() || cp_walk_init(1 << 20) ||
	       cp_stack_init(1 << 20) || cp_threads_init(1 << 16) || cp_contend_init(&all, 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_is_charged_in_parts),
		cmocka_unit_test(many_wait_for_one_lock),
		cmocka_unit_test(a_crowd_leaves_nothing),
		cmocka_unit_test(waits_nest),
		cmocka_unit_test(waits_nest_across_stacks),
		cmocka_unit_test(a_wait_jumped_out_of_ends_with_the_next),
		cmocka_unit_test(a_wait_jumped_out_of_ends_with_a_deeper_one),
		cmocka_unit_test(a_wait_half_said_is_interrupted),
		cmocka_unit_test(a_wait_ends_with_its_thread),
		cmocka_unit_test(a_ticket_of_another_life_is_void),
		cmocka_unit_test(an_unlock_is_charged),
		cmocka_unit_test(time_is_given_once),
		cmocka_unit_test(an_unmet_wait_is_whole_at_its_end),
		cmocka_unit_test(nothing_is_lost_or_doubled_in_a_race),
		cmocka_unit_test(a_wait_counts_once),
		cmocka_unit_test(an_inner_wait_leaves_the_outer_alone),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
