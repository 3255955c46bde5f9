/* SPDX-License-Identifier: MIT */
/*
 * test_ticks.c - is the processor's counter turned into time? And what do threads say?
 *
 * Context  TEST
 */
#include "agent/control/words.h"
#include "agent/rt/sys.h"
#include "agent/rt/thread.h"
#include "agent/rt/ticks.h"
#include "agent/sample/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000LL

struct both {
	uint64_t ticks;
	int64_t now;
};

/* Both clocks, read with nothing in between, as far as one can see from the first. */
static struct both look(void)
{
	struct both b;
	int64_t before;

	do {
		before = cp_now_ns(CLOCK_MONOTONIC);
		b.ticks = cp_ticks_now();
		b.now = cp_now_ns(CLOCK_MONOTONIC);
	} while (b.now - before > MS / 100);
	return b;
}

static bool is_near(double got, double want, double off)
{
	return got >= want - off && got <= want + off;
}

static void assert_near(double got, double want, double off)
{
	if (!is_near(got, want, off))
		fail_msg("%.0f is not %.0f +- %.0f", got, want, off);
}

static void ticks_are_time(void **state)
{
	struct both from = look(), to;

	(void)state;
	usleep(100000);
	to = look();
	assert_near(cp_ticks_ns(to.ticks - from.ticks), (double)(to.now - from.now), MS);
	assert_near((double)cp_ticks_in((uint64_t)(to.now - from.now)),
		    (double)(to.ticks - from.ticks), (double)cp_ticks_in(MS));
}

/* Its own words are as it said them, and stand until it says others. */
static void words_stand(void **state)
{
	uint32_t slot = cp_threads_number(cp_threads_enter(cp_thread_ready(), 0));
	const struct cp_words_of self = {cp_self.tid, slot, (uintptr_t)&cp_waiting.said};
	struct cp_wait said = {.kind = CP_WAIT_IO, .start = cp_ticks_now()}, heard;
	const struct cp_peer peer = {.fd = -1, .may_call = true};

	(void)state;
	cp_wait_say(&said);
	if (!cp_words_read(&peer, &self, &heard))
		skip();
	assert_true(heard.start == said.start);
	assert_true(cp_words_stand(&peer, &self, &heard));
	/* By a handler that brought seq back. */
	cp_waiting.said.object++;
	assert_false(cp_words_stand(&peer, &self, &heard));
	cp_waiting.said.object--;
	cp_waiting.said.start++;
	assert_false(cp_words_stand(&peer, &self, &heard));
	cp_waiting.said.start--;
	cp_waiting.said.sp++;
	assert_false(cp_words_stand(&peer, &self, &heard));
	cp_waiting.said.sp--;
	assert_true(cp_words_stand(&peer, &self, &heard));
	cp_wait_say_nothing();
	assert_false(cp_words_read(&peer, &self, &heard));
}

/* What they say of its stack holds while the frame that said so is there. */
static void words_lead_to_a_caller(void **state)
{
	struct cp_frame_record record = {.fp = 16, .pc = 0x123456789};
	uintptr_t sp = (uintptr_t)(&record + 1);
	struct cp_wait said = {.sp = sp, .leaf = cp_wait_leaf((uintptr_t)words_stand, sp)};
	const struct cp_peer peer = {.fd = -1, .may_call = true};
	struct cp_regs caller;

	(void)state;
	if (cp_peer_read(&peer, &caller, sp - 8, 8) != 8)
		skip();
	assert_true(cp_words_caller(&peer, &said, &caller));
	assert_true(caller.pc == 0x123456789 && caller.sp == sp && caller.fp == 16);
	assert_int_equal(cp_wait_fn(&said), (uintptr_t)words_stand);
	record.pc = 0x123456780;
	assert_false(cp_words_caller(&peer, &said, &caller));
	said.sp = 4096;
	assert_false(cp_words_caller(&peer, &said, &caller));
}

/* The counter ran on, and CLOCK_MONOTONIC didn't. The last but one: it settles the speed. */
static void a_machine_sleeps(void **state)
{
	struct both now = look();
	double speed = cp_ticks_speed(now.ticks, now.now), second = 1000 * MS * speed;

	(void)state;
	if (cp_ticks_source != CP_TICKS_COUNTER)
		skip();
	now.ticks += (uint64_t)(20 * second);
	now.now += 20000 * MS;
	assert_near(cp_ticks_speed(now.ticks, now.now), speed, speed / 100);
	now.ticks += (uint64_t)(100 * second);
	now.now += 1000 * MS;
	assert_near(cp_ticks_speed(now.ticks, now.now), speed, speed / 100);
	now.now += 3600000 * MS; /* and now it stood, as where it began anew */
	assert_near(cp_ticks_speed(now.ticks, now.now), speed, speed / 100);
	assert_near(cp_ticks_speed(0, now.now), speed, speed / 100);
}

/* Where the counter is none: ns, in every respect. */
static void the_clock_will_do(void **state)
{
	uint32_t source = cp_ticks_source;
	int64_t before = cp_now_ns(CLOCK_MONOTONIC);

	(void)state;
	cp_ticks_source = CP_TICKS_CLOCK;
	assert_near((double)cp_ticks_now(), (double)before, 100 * MS);
	assert_int_equal(cp_ticks_in(5 * MS), 5 * MS);
	assert_true(cp_ticks_ns(5 * MS) == 5 * MS);
	cp_ticks_shut_in(); /* which may be a system call */
	assert_int_equal(cp_ticks_now(), 0);
	cp_ticks_source = source;
	cp_ticks_shut_in();
	assert_int_equal(cp_ticks_source, source);
}

/* What was counted before has its time still, though its speed had not settled. */
static bool forbids_itself(void)
{
	int64_t before = cp_now_ns(CLOCK_MONOTONIC);
	uint64_t counted = cp_ticks_in(100 * MS);
	bool read = cp_ticks_now() != 0;

	cp_ticks_forbid();
	if (!read || cp_ticks_now() != 0 || !is_near(cp_ticks_ns(counted), 100 * MS, MS))
		return false;
	cp_ticks_source = CP_TICKS_CLOCK;
	cp_ticks_forbid();
	return cp_ticks_now() == 0 &&
	       is_near((double)cp_now_ns(CLOCK_MONOTONIC), (double)before, 1000 * MS);
}

/* In a child: for good. */
static void a_forbidden_counter_is_not_read(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (cp_ticks_source != CP_TICKS_COUNTER)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(!forbids_itself());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int set_up(void **state)
{
	(void)state;
	cp_ticks_init();
	usleep(100000); /* the longer ago, the better its speed is known */
	return cp_thread_init() || cp_threads_init(1 << 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_are_time),
		cmocka_unit_test(words_stand),
		cmocka_unit_test(words_lead_to_a_caller),
		cmocka_unit_test(a_forbidden_counter_is_not_read), /* before the speed settles */
		cmocka_unit_test(a_machine_sleeps),
		cmocka_unit_test(the_clock_will_do),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
