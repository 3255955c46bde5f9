/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c - one slot for each thread, whoever comes first
 *
 * Context  TEST
 */
#include "agent/rt/atomic.h"
#include "agent/sample/threads.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OTHER 77U

static unsigned slots_of(uint32_t tid)
{
	unsigned n = 0;

	for (uint32_t i = 0; cp_threads_slot(i); i++)
		n += cp_load_rlx(&cp_threads_slot(i)->state) && cp_threads_is(i, tid);
	return n;
}

static void an_entered_one_is_not_adopted(void **state)
{
	struct cp_thread t = {.tid = OTHER, .epoch = cp_epoch()};
	struct cp_thread_slot *s = cp_threads_enter(&t, 1);

	(void)state;
	assert_non_null(s);
	assert_null(cp_threads_adopt(OTHER, 5));
	assert_int_equal(slots_of(OTHER), 1);
	assert_int_equal(s->charged, 0);
	cp_threads_leave(s);
	assert_int_equal(slots_of(OTHER), 0);
}

static void a_found_one_enters(void **state)
{
	struct cp_thread t = {.tid = OTHER, .epoch = cp_epoch()};
	struct cp_thread_slot *found = cp_threads_adopt(OTHER, 5),
			      *stays = cp_threads_adopt(OTHER + 1, 6);
	struct cp_thread_slot *s;

	(void)state;
	cp_threads_release(found, false);
	cp_threads_release(stays, false);
	s = cp_threads_enter(&t, 1);
	assert_int_equal(slots_of(OTHER), 1);
	assert_int_equal(s->charged, 5);
	assert_int_equal(slots_of(OTHER + 1), 1);
	cp_threads_leave(s);
	cp_threads_leave(stays);
}

/* A thread that ended unseen had its number, and a clock that was far ahead. */
static void a_dead_ones_time_is_not_anothers(void **state)
{
	struct cp_thread t = {.tid = OTHER, .epoch = cp_epoch()};
	struct cp_thread_slot *dead = cp_threads_adopt(OTHER, 1000000000000000), *s;

	(void)state;
	cp_threads_release(dead, false);
	s = cp_threads_enter(&t, 1);
	assert_int_equal(s->charged, 0);
	assert_ptr_equal(cp_threads_of(&t), s);
	t.tid++; /* whose slot it isn't */
	assert_null(cp_threads_of(&t));
	cp_threads_leave(s);
}

static void a_held_one_enters(void **state)
{
	struct cp_thread t = {.tid = OTHER, .epoch = cp_epoch()};
	struct cp_thread_slot *found = cp_threads_adopt(OTHER, 5), *s = cp_threads_enter(&t, 1);

	(void)state;
	assert_int_equal(s->charged, 5);
	cp_threads_release(found, false);
	assert_int_equal(cp_load_rlx(&found->state), 0);
	assert_int_equal(slots_of(OTHER), 1);
	assert_false(cp_threads_any_held());
	cp_threads_leave(s);
}

/* Also where the record is another's, as a raw clone finds it, or from before a fork. */
static void ones_own_is_known(void **state)
{
	struct cp_thread *t = cp_thread_ready();
	struct cp_thread_slot *s = cp_threads_enter(t, 1);
	uint32_t mine = t->tid;

	(void)state;
	assert_true(cp_threads_is_own(s));
	t->tid = OTHER;
	assert_true(cp_threads_is_own(s));
	cp_store_rlx(&s->tid, OTHER);
	t->epoch--;
	assert_false(cp_threads_is_own(s));
	t->epoch++;
	t->tid = mine;
	assert_false(cp_threads_is_own(s));
	cp_store_rlx(&s->tid, mine);
	cp_threads_leave(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entered_one_is_not_adopted),
		cmocka_unit_test(a_found_one_enters),
		cmocka_unit_test(a_dead_ones_time_is_not_anothers),
		cmocka_unit_test(a_held_one_enters),
		cmocka_unit_test(ones_own_is_known),
	};

	if (cp_thread_init() || cp_threads_init(1 << 16))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
