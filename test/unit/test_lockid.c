/* SPDX-License-Identifier: MIT */
/*
 * test_lockid.c - locks in variables, locks that somebody made, and more than there is room for
 *
 * Context  TEST
 */
#include "../../agent/sample/lockid.h"
#include "../../agent/sample/module.h"
#include "../../agent/sample/rules.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEAP 0x5000001000UL /* in no object */

static uint64_t variable, other;

static void a_variable_is_itself(void **state)
{
	uint16_t id = cp_lockid_of((uintptr_t)&variable);
	cp_frame frame;
	bool is_code;

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_equal(cp_lockid_of((uintptr_t)&variable), id);
	assert_int_not_equal(cp_lockid_of((uintptr_t)&other), id);
	cp_lockid_made((uintptr_t)&variable, (uintptr_t)a_variable_is_itself + 1);
	assert_int_equal(cp_lockid_of((uintptr_t)&variable), id);
	assert_true(cp_lockid_get(id, &frame, &is_code));
	assert_false(is_code);
	assert_int_equal(cp_frame_addr(frame), (uintptr_t)&variable);
}

static void others_are_their_makers(void **state)
{
	uintptr_t pc = (uintptr_t)others_are_their_makers + 1;
	cp_frame frame;
	bool is_code;
	uint16_t id;

	(void)state;
	assert_int_equal(cp_lockid_of(HEAP), 0);
	cp_lockid_made(HEAP, pc);
	cp_lockid_made(HEAP + 4096, pc);
	id = cp_lockid_of(HEAP);
	assert_int_not_equal(id, 0);
	assert_int_equal(cp_lockid_of(HEAP + 4096), id);
	assert_true(cp_lockid_get(id, &frame, &is_code));
	assert_true(is_code);
	assert_int_equal(cp_frame_addr(frame), pc - 1);
	assert_int_equal(cp_frame_module(frame), cp_rules_module(pc));
	cp_lockid_gone(HEAP);
	assert_int_equal(cp_lockid_of(HEAP), 0);
	assert_int_equal(cp_lockid_of(HEAP + 4096), id);
}

/* A million come and go: few strangers are taken for what they aren't. */
static void strangers_have_no_name(void **state)
{
	unsigned named = 0;

	(void)state;
	for (uintptr_t i = 0; i < 1000000; i++)
		cp_lockid_made(HEAP + i * 64, (uintptr_t)strangers_have_no_name + 1);
	for (uintptr_t i = 0; i < 100000; i++)
		named += cp_lockid_of(HEAP * 2 + i * 64) != 0;
	assert_in_range(named, 0, 20);
}

static void there_is_an_end_to_numbers(void **state)
{
	unsigned without = 0;

	(void)state;
	for (uintptr_t i = 0; i < 10000; i++) {
		cp_lockid_made(HEAP, (uintptr_t)there_is_an_end_to_numbers + 1 + i);
		without += cp_lockid_of(HEAP) == 0;
		assert_true(cp_lockid_of(HEAP) < cp_lockid_end());
	}
	assert_in_range(without, 10000 - CP_LOCKIDS_MAX, 9999);
}

static int set_up(void **state)
{
	(void)state;
	return cp_module_init() || cp_lockid_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_variable_is_itself),
		cmocka_unit_test(others_are_their_makers),
		cmocka_unit_test(strangers_have_no_name),
		cmocka_unit_test(there_is_an_end_to_numbers),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
