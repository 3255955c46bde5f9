/* SPDX-License-Identifier: MIT */
/*
 * test_waits.c - of many waits of one length, are as many recorded as the rate says?
 *
 * Context  TEST
 */
#include "../../agent/rt/sys.h"
#include "../../agent/rt/ticks.h"
#include "../../agent/sample/loss.h"
#include "../../agent/sample/stack.h"
#include "../../agent/sample/threads.h"
#include "../../agent/sample/waiters.h"
#include "../lib/contend_kit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define US	 1000.0
#define RATE	 (10000 * US)
#define FRACTION 10.0

/* Ticks, of all waits. Each is longer than it was meant to be, by what a slow machine takes for
 * it: of 20 us under a sanitizer a twentieth. */
static uint64_t waited;

/* A wait that is said to have begun so long ago. */
static void wait_for(double ns, enum cp_wait_kind kind)
{
	struct cp_call call = CALL_HERE();
	struct cp_waiter w;

	cp_probe_wait_begin(&w, call, kind, (void *)LOCK, NULL);
	w.began = cp_ticks_now() - cp_ticks_in((uint64_t)ns);
	waited += cp_ticks_now() - w.began;
	cp_probe_wait_end(&w, true);
}

/* Four standard errors, and a thousandth for the time that passes while a wait ends. */
static void assert_sum(double got, double want, double p, long n)
{
	double off = want * (4 * sqrt((1 - p) / p / (double)n) + 0.001);

	if (got < want - off || got > want + off)
		fail_msg("%.4g is not %.4g +- %.2g %%", got, want, off / want * 100);
}

static void each_length_is_worth_what_it_was(void **state)
{
	static const double length[] = {20 * US,   300 * US,  2000 * US, 4900 * US,
					5100 * US, 9000 * US, 30000 * US};

	(void)state;
	for (unsigned i = 0; i < sizeof(length) / sizeof(length[0]); i++) {
		struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;
		double p = CP_MIN(length[i] / RATE, 1.0);
		long n = (long)(20000 / p);

		waited = 0;
		for (long k = 0; k < n; k++)
			wait_for(length[i], CP_WAIT_COND);
		after = sum(CP_CONTEND_BLOCK);
		assert_sum((double)(after.contentions - before.contentions), (double)n, p, n);
		assert_sum((double)(after.delay - before.delay), cp_ticks_ns(waited), p, n);
	}
}

/* What lets the short through and the long by has no memory of either. */
static void lengths_in_turn_dont_disturb_each_other(void **state)
{
	struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;
	long n = 100000;

	(void)state;
	waited = 0;
	for (long k = 0; k < n; k++) {
		wait_for(100 * US, CP_WAIT_COND);
		wait_for(4800 * US, CP_WAIT_COND);
	}
	after = sum(CP_CONTEND_BLOCK);
	assert_sum((double)(after.contentions - before.contentions), 2.0 * (double)n, 0.01, n);
	assert_sum((double)(after.delay - before.delay), cp_ticks_ns(waited), 0.48, n);
}

static void one_wait_in_so_many_is_published(void **state)
{
	struct cp_call call = CALL_HERE();
	long n = 200000, published = 0;
	struct cp_waiter w;

	(void)state;
	for (long k = 0; k < n; k++) {
		cp_probe_wait_begin(&w, call, CP_WAIT_MUTEX, (void *)LOCK, NULL);
		assert_int_equal(cp_waiters_charge(LOCK).hit, w.ticket != 0);
		published += w.ticket != 0;
		cp_probe_wait_end(&w, false);
	}
	assert_sum((double)published * FRACTION, (double)n, 1 / FRACTION, n);
}

static void *begins_anew(void *arg)
{
	wait_for(1000 * US, CP_WAIT_COND);
	return arg;
}

/* A thread's first wait, before it has a countdown. */
static void the_first_one_counts_too(void **state)
{
	struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;
	long n = 4000;
	pthread_t t;

	(void)state;
	for (long k = 0; k < n; k++) {
		assert_int_equal(pthread_create(&t, NULL, begins_anew, NULL), 0);
		pthread_join(t, NULL);
	}
	after = sum(CP_CONTEND_BLOCK);
	assert_sum((double)(after.contentions - before.contentions), (double)n, 0.1, n);
}

/* By the counter of another core, or one that began anew. */
static void a_wait_that_ended_before_it_began_is_none(void **state)
{
	struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;
	struct cp_call call = CALL_HERE();
	struct cp_waiter w;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		cp_probe_wait_begin(&w, call, CP_WAIT_COND, (void *)LOCK, NULL);
		w.began += cp_ticks_in((uint64_t)(1000 * US));
		cp_probe_wait_end(&w, true);
	}
	after = sum(CP_CONTEND_BLOCK);
	assert_int_equal(after.contentions, before.contentions);
}

/* Longer than the process has been there for: from a machine that slept, or another one. */
static void a_wait_is_no_longer_than_the_process(void **state)
{
	struct cp_contend_row before = sum(CP_CONTEND_BLOCK), after;

	(void)state;
	wait_for(3600e6 * US, CP_WAIT_COND);
	after = sum(CP_CONTEND_BLOCK);
	assert_int_equal(after.contentions - before.contentions, 1);
	assert_in_range(after.delay - before.delay, 1, 600e6 * US);
}

/* Random numbers of its own, as without a fixed seed. */
static int published_in_a_child(uint64_t seed, int waits)
{
	struct cp_call call = CALL_HERE();
	struct cp_waiter w;
	int published = 0;

	cp_thread_ready()->rng += seed;
	cp_contend_forked();
	for (int k = 0; k < waits; k++) {
		cp_probe_wait_begin(&w, call, CP_WAIT_MUTEX, (void *)LOCK, NULL);
		published += w.ticket != 0;
		cp_probe_wait_end(&w, false);
	}
	return published;
}

/* Not all the same as their siblings. */
static void children_draw_for_themselves(void **state)
{
	long n = 1500, published = 0;

	(void)state;
	wait_for(1000 * US, CP_WAIT_MUTEX);
	for (long k = 0; k < n / 3; k++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(published_in_a_child((uint64_t)k << 32, 3));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		published += WEXITSTATUS(status);
	}
	assert_sum((double)published * FRACTION, (double)n, 1 / FRACTION, n);
}

static int set_up(void **state)
{
	static const struct cp_contend_config config = {.fraction = (uint64_t)FRACTION,
							.rate = (uint64_t)RATE};
	const struct timespec a_while = {0, 20000000};

	(void)state;
	cp_ticks_init();
	nanosleep(&a_while, NULL); /* the longer ago, the better is known how long a tick is */
	cp_thread_seed(7);
	return cp_thread_init() || cp_loss_init() || cp_walk_init(1 << 20) ||
	       cp_stack_init(1 << 20) || cp_threads_init(1 << 16) ||
	       cp_contend_init(&config, 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_length_is_worth_what_it_was),
		cmocka_unit_test(lengths_in_turn_dont_disturb_each_other),
		cmocka_unit_test(one_wait_in_so_many_is_published),
		cmocka_unit_test(the_first_one_counts_too),
		cmocka_unit_test(a_wait_that_ended_before_it_began_is_none),
		cmocka_unit_test(a_wait_is_no_longer_than_the_process),
		cmocka_unit_test(children_draw_for_themselves),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
