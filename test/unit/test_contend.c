/* SPDX-License-Identifier: MIT */
/*
 * test_contend.c - the waiter table, waits within waits, weights of what is recorded
 *
 * Context  TEST
 * Modes    fm-101
 */
#include "../../agent/probe.h"
#include "../../agent/rt/atomic.h"
#include "../../agent/rt/sys.h"
#include "../../agent/sample/contend.h"
#include "../../agent/sample/loss.h"
#include "../../agent/sample/stack.h"
#include "../../agent/sample/waiters.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#define LOCK 0x7f0000001000UL
#define MANY 400

static struct cp_call call_here(void)
{
	return (struct cp_call){(uintptr_t)call_here, CP_CALLER_REGS()};
}

static void a_wait_is_charged_in_parts(void **state)
{
	int64_t now = cp_now_ns(CLOCK_MONOTONIC);
	uint32_t ticket = cp_waiters_enter(LOCK, now - 1000000000, 0);
	struct cp_waited w;

	(void)state;
	assert_int_not_equal(ticket, 0);
	assert_false(cp_waiters_charge(LOCK + 64).hit);
	w = cp_waiters_charge(LOCK);
	assert_true(w.hit && w.fresh == 1);
	assert_in_range(w.ns, 1000000000, 1500000000);
	w = cp_waiters_charge(LOCK); /* begins where the last one ended */
	assert_true(w.hit && w.fresh == 0);
	assert_in_range(w.ns, 0, 400000000);
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
		cp_waiters_leave(lock, cp_waiters_enter(lock, cp_now_ns(CLOCK_MONOTONIC), 0));
	cp_add_rlx(&crowd.done, 1);
	return NULL;
}

/* Nobody is charged for more than there was, while all come and go. */
static void a_crowd_leaves_nothing(void **state)
{
	int64_t from = cp_now_ns(CLOCK_MONOTONIC);
	pthread_t t[8];
	uint64_t ns = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		crowd.lock[i] = LOCK + (uintptr_t)(i / 2) * 40;
		assert_int_equal(pthread_create(&t[i], NULL, comes_and_goes, &crowd.lock[i]), 0);
	}
	while (cp_load_rlx(&crowd.done) < 8)
		for (int i = 0; i < 8; i += 2)
			ns += cp_waiters_charge(crowd.lock[i]).ns;
	assert_true(ns <= 8 * (uint64_t)(cp_now_ns(CLOCK_MONOTONIC) - from));
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		assert_false(cp_waiters_charge(crowd.lock[i]).hit);
	}
}

static void begin(struct cp_waiter *w, const struct cp_call *call, uintptr_t lock)
{
	cp_probe_wait_begin(w, call, CP_WAIT_MUTEX, (void *)lock, NULL);
}

static void waits_nest(void **state)
{
	struct cp_call call = call_here(), inner = call;
	struct cp_waiter outer, between;
	uint32_t seq = cp_waiting.seq;

	(void)state;
	inner.caller.sp -= 4096; /* a handler, on the same stack */
	begin(&outer, &call, LOCK);
	begin(&between, &inner, LOCK + 512);
	assert_int_equal(cp_waiting.object, LOCK + 512);
	assert_true(cp_waiters_charge(LOCK).hit && cp_waiters_charge(LOCK + 512).hit);
	cp_probe_wait_end(&between, &inner, true);
	assert_int_equal(cp_waiting.object, LOCK);
	assert_true(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&outer, &call, true);
	assert_int_equal(cp_waiting.kind, CP_WAIT_NONE);
	assert_false(cp_waiters_charge(LOCK).hit);
	assert_int_equal(cp_waiting.seq, seq + 8);
}

/* A handler on a stack of its own, which may lie anywhere. */
static void waits_nest_across_stacks(void **state)
{
	struct cp_call call = call_here(), inner = call;
	struct cp_waiter outer, between;

	(void)state;
	assert_true(cp_thread_ready()->stack_hi > 0);
	inner.caller.sp = cp_self.stack_hi + 65536;
	begin(&outer, &call, LOCK);
	begin(&between, &inner, LOCK + 512);
	assert_true(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&between, &inner, true);
	assert_int_equal(cp_waiting.object, LOCK);
	cp_probe_wait_end(&outer, &call, true);
	assert_int_equal(cp_waiting.kind, CP_WAIT_NONE);
	assert_false(cp_waiters_charge(LOCK).hit);
}

static void a_wait_jumped_out_of_ends_with_the_next(void **state)
{
	struct cp_call call = call_here();
	struct cp_waiter w;

	(void)state;
	begin(&w, &call, LOCK);
	begin(&w, &call, LOCK + 512);
	assert_false(cp_waiters_charge(LOCK).hit);
	cp_probe_wait_end(&w, &call, false);
	assert_int_equal(cp_waiting.kind, CP_WAIT_NONE);
	assert_false(cp_waiters_charge(LOCK + 512).hit);
}

static void *leaves_in_a_wait(void *arg)
{
	struct cp_call call = call_here();
	struct cp_waiter w;

	begin(&w, &call, LOCK);
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

static struct cp_contend_row sum(enum cp_contend which)
{
	struct cp_contend_row row, all = {0};
	struct cp_contend_counts now;

	for (uint32_t i = 0; i < cp_contend_cells(which); i++) {
		cp_contend_read(which, i, &now);
		cp_contend_row(which, i, NULL, &now, &row);
		all.contentions += row.contentions;
		all.delay += row.delay;
	}
	return all;
}

/* What an unlock found is the unlocker's, times the fraction. */
static void an_unlock_is_charged(void **state)
{
	struct cp_handover h = {.hit = true, .fresh = 2, .ns = 5000};
	struct cp_call call = call_here();
	struct cp_contend_row before = sum(CP_CONTEND_MUTEX), after;

	(void)state;
	cp_probe_unlock_end(&h, &call);
	after = sum(CP_CONTEND_MUTEX);
	assert_int_equal(after.contentions - before.contentions, 2);
	assert_int_equal(after.delay - before.delay, 5000);
}

static int set_up(void **state)
{
	static const struct cp_contend_config all = {.fraction = 1, .rate = 1};

	(void)state;
	return cp_thread_init() || cp_loss_init() || cp_walk_init(1 << 20) ||
	       cp_stack_init(1 << 20) || cp_contend_init(&all, 1 << 20);
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
		cmocka_unit_test(a_wait_ends_with_its_thread),
		cmocka_unit_test(a_ticket_of_another_life_is_void),
		cmocka_unit_test(an_unlock_is_charged),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
