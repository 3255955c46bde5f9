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

#define ROOM	(64 * CP_PAGE)
#define THREADS 4
#define PIECES	200

static uintptr_t page_of(const void *p)
{
	return (uintptr_t)p & ~(CP_PAGE - 1);
}

static void pieces_lie_where_they_should(void **state)
{
	char *a, *b, *table, *next;

	(void)state;
	cp_mem_make_room(ROOM);
	a = cp_mem_wiped(8);
	b = cp_mem_wiped(100);
	table = cp_mem_wiped(CP_PAGE + 1);
	next = cp_mem_wiped(CP_PAGE);
	assert_int_equal(b - a, CP_CACHE_LINE);
	assert_int_equal(page_of(a), page_of(b));
	assert_int_equal(page_of(table), (uintptr_t)table);
	assert_int_equal(next - table, 2 * CP_PAGE);
	assert_int_equal(cp_mem_mapped(), 3 * CP_CACHE_LINE + 3 * CP_PAGE);
	memset(table, 1, CP_PAGE + 1);
	assert_int_equal(a[0] | b[99] | next[0], 0);
}

/* A page of it, at least, is used; what nobody touched isn't. */
static void what_is_not_touched_is_not_used(void **state)
{
	size_t before = cp_mem_used();
	char *table = cp_mem_wiped(8 * CP_PAGE);

	(void)state;
	assert_int_equal(cp_mem_used(), before);
	table[3 * CP_PAGE] = 1;
	assert_int_equal(cp_mem_used(), before + CP_PAGE);
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
	cp_mem_unmap(table, ROOM + CP_PAGE);
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

/* Each fills its pieces with its own number. */
static void *cuts(void *arg)
{
	unsigned char *piece[PIECES], mine = (unsigned char)(uintptr_t)arg;
	uintptr_t wrong = 0;

	for (int i = 0; i < PIECES; i++) {
		piece[i] = cp_mem_wiped(CP_CACHE_LINE);
		wrong += piece[i][0] | piece[i][CP_CACHE_LINE - 1];
		memset(piece[i], mine, CP_CACHE_LINE);
	}
	for (int i = 0; i < PIECES; i++)
		for (int k = 0; k < CP_CACHE_LINE; k++)
			wrong += piece[i][k] != mine;
	return (void *)wrong;
}

static void nobody_is_given_the_same(void **state)
{
	pthread_t t[THREADS];
	void *wrong;

	(void)state;
	cp_mem_make_room(CP_PAGE); /* and pages of their own for what it has no room for */
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, cuts, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_lie_where_they_should),
		cmocka_unit_test(what_is_not_touched_is_not_used),
		cmocka_unit_test(more_than_there_is_room_for_is_had_too),
		cmocka_unit_test(a_child_finds_nothing),
		cmocka_unit_test(nobody_is_given_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
