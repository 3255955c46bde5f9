/* SPDX-License-Identifier: MIT */
/*
 * test_mem.c - memory for good: cut from one map, zeroed, apart, and empty in a child
 *
 * Context  TEST
 */
#include "../../agent/rt/atomic.h"
#include "../../agent/rt/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define PIECES	20000
#define ROOM	((64 + THREADS * PIECES) * CP_PAGE)

static struct {
	pthread_barrier_t gate;
	char *piece[THREADS * PIECES];
	bool given[THREADS * PIECES];
} st;

static int make_room(void **state)
{
	(void)state;
	cp_mem_make_room(ROOM);
	return 0;
}

static uintptr_t page_of(const void *p)
{
	return (uintptr_t)p & ~(CP_PAGE - 1);
}

static void pieces_lie_where_they_should(void **state)
{
	char *a, *b, *table, *next;

	(void)state;
	a = cp_mem_wiped(8);
	b = cp_mem_wiped(100);
	table = cp_mem_wiped(CP_PAGE + 1);
	next = cp_mem_wiped(CP_PAGE);
	assert_int_equal(b - a, CP_CACHE_LINE);
	assert_int_equal(page_of(a), page_of(b));
	assert_int_equal(page_of(table), (uintptr_t)table);
	assert_int_equal(next - table, 2 * CP_PAGE);
	memset(table, 1, CP_PAGE + 1);
	assert_int_equal(a[0] | b[99] | next[0], 0);
}

static void one_map_is_enough(void **state)
{
	size_t mapped = cp_mem_mapped(), used = cp_mem_used();
	char *table = cp_mem_wiped(8 * CP_PAGE);

	(void)state;
	assert_true(mapped >= ROOM);
	assert_int_equal(cp_mem_mapped(), mapped);
	assert_int_equal(cp_mem_used(), used); /* it is what was touched */
	table[3 * CP_PAGE] = 1;
	assert_true(cp_mem_used() > used);
}

static void more_than_there_is_room_for_is_had_too(void **state)
{
	size_t before = cp_mem_mapped();
	char *table = cp_mem_wiped(ROOM + 1);

	(void)state;
	assert_non_null(table);
	assert_int_equal(page_of(table), (uintptr_t)table);
	assert_int_equal(cp_mem_mapped() - before, ROOM + CP_PAGE);
	table[ROOM] = 1;
}

static void what_is_unmapped_does_not_count(void **state)
{
	size_t before = cp_mem_mapped();
	char *table = cp_mem_map_wiped(CP_PAGE);

	(void)state;
	assert_int_equal(cp_mem_mapped(), before + CP_PAGE);
	cp_mem_unmap(table, CP_PAGE);
	assert_int_equal(cp_mem_mapped(), before);
}

static void a_child_finds_nothing(void **state)
{
	char *small = cp_mem_wiped(8), *table = cp_mem_wiped(CP_PAGE), *own = cp_mem_wiped(ROOM);
	int status;
	pid_t pid;

	(void)state;
	*small = *table = *own = 1;
	pid = fork();
	if (pid == 0)
		_exit(*small | *table | *own);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(*small & *table & *own, 1);
}

static void *cuts(void *arg)
{
	char **piece = arg;

	pthread_barrier_wait(&st.gate);
	for (int i = 0; i < PIECES; i++)
		piece[i] = cp_mem_wiped(CP_PAGE);
	return NULL;
}

static void nobody_is_given_the_same(void **state)
{
	char *first = (char *)cp_mem_wiped(CP_PAGE) + CP_PAGE;
	pthread_t t[THREADS];

	(void)state;
	pthread_barrier_init(&st.gate, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, cuts, st.piece + i * PIECES), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&st.gate);
	for (int i = 0; i < THREADS * PIECES; i++) {
		size_t at = (size_t)(st.piece[i] - first) / CP_PAGE;

		assert_true(at < THREADS * PIECES && !st.given[at]);
		st.given[at] = true;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_lie_where_they_should),
		cmocka_unit_test(one_map_is_enough),
		cmocka_unit_test(more_than_there_is_room_for_is_had_too),
		cmocka_unit_test(what_is_unmapped_does_not_count),
		cmocka_unit_test(a_child_finds_nothing),
		cmocka_unit_test(nobody_is_given_the_same),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
