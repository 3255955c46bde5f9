/* SPDX-License-Identifier: MIT */
/*
 * test_waitsfor.c - circles are found, and nothing else is taken for one
 *
 * Context  TEST
 */
#include "../../agent/control/waitsfor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NO  CP_WAITSFOR_NOBODY
#define MAX 2000

static uint32_t circle[MAX];

static void expect(const uint32_t *next, uint32_t n, uint32_t found, const uint32_t *want)
{
	assert_int_equal(cp_waitsfor_circles(next, n, circle), found);
	assert_memory_equal(circle, want, n * sizeof(*want));
}

static void test_none(void **state)
{
	static const uint32_t nothing[1] = {0}, chain[] = {1, 2, NO}, zeros[3] = {0};
	static const uint32_t gone[] = {7, 0, 1};

	(void)state;
	expect(nothing, 0, 0, zeros);
	expect(chain, 3, 0, zeros);
	expect(gone, 3, 0, zeros); /* the holder is not among us */
}

static void test_each_form(void **state)
{
	static const uint32_t self[] = {NO, 1}, self_is[] = {0, 1};
	static const uint32_t two[] = {1, 0}, two_is[] = {1, 1};
	/* 4 and 5 wait for one in the circle, and are not in it */
	static const uint32_t tail[] = {1, 2, 0, NO, 2, 4}, tail_is[] = {1, 1, 1, 0, 0, 0};
	/* the way starts outside, and meets the circle in its middle */
	static const uint32_t lead[] = {2, 2, 3, 4, 2}, lead_is[] = {0, 0, 1, 1, 1};

	(void)state;
	expect(self, 2, 1, self_is);
	expect(two, 2, 1, two_is);
	expect(tail, 6, 1, tail_is);
	expect(lead, 5, 1, lead_is);
}

static void test_several(void **state)
{
	static const uint32_t next[] = {3, 2, 1, 0, 5, 6, 4}, is[] = {1, 2, 2, 1, 3, 3, 3};

	(void)state;
	expect(next, 7, 3, is);
}

/* Whoever comes back to himself within n steps is in a circle, and its members agree. */
static void test_random(void **state)
{
	static uint32_t next[MAX];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 200; round++) {
		uint32_t n = 1 + (uint32_t)rand() % 60, most = 0, found;

		for (uint32_t i = 0; i < n; i++)
			next[i] = rand() % 3 ? (uint32_t)rand() % n : NO;
		found = cp_waitsfor_circles(next, n, circle);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = next[i], steps = 0;

			for (; at != NO && at != i && steps < n; steps++)
				at = next[at];
			assert_int_equal(circle[i] != 0, at == i);
			if (circle[i])
				assert_int_equal(circle[next[i]], circle[i]);
			most = circle[i] > most ? circle[i] : most;
		}
		assert_int_equal(most, found);
	}
}

static void test_long(void **state)
{
	static uint32_t next[MAX];

	(void)state;
	for (uint32_t i = 0; i < MAX; i++)
		next[i] = (i + MAX - 1) % MAX;
	assert_int_equal(cp_waitsfor_circles(next, MAX, circle), 1);
	for (uint32_t i = 0; i < MAX; i++)
		assert_int_equal(circle[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	cmocka_unit_test(test_each_form),
		cmocka_unit_test(test_several), cmocka_unit_test(test_random),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
