/* SPDX-License-Identifier: MIT */
/*
 * test_tables.c - stacks, cells and live blocks: found again, bounded, from many threads
 *
 * Context  TEST
 * Modes    fm-028 fm-102
 */
#include "agent/rt/atomic.h"
#include "agent/rt/mem.h"
#include "agent/sample/cell.h"
#include "agent/sample/live.h"
#include "agent/sample/loss.h"
#include "agent/sample/marks.h"
#include "agent/sample/sizeclass.h"
#include "agent/sample/stack.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define THREADS 4

static unsigned make_stack(cp_frame *f, uint64_t number)
{
	unsigned n = 1 + (unsigned)(number % 60);

	for (unsigned i = 0; i < n; i++)
		f[i] = number * 1000 + i;
	return n;
}

static void stacks_are_found_again(void **state)
{
	cp_frame f[128];
	cp_sid first[500];

	(void)state;
	assert_int_equal(cp_stack_init(1 << 20), 0);
	for (unsigned i = 0; i < 500; i++) {
		unsigned n = make_stack(f, i);

		first[i] = cp_stack_intern(f, n, false);
		assert_int_not_equal(first[i], cp_stack_intern(f, n, true));
	}
	assert_int_equal(cp_stack_count(), 1000);
	for (unsigned i = 0; i < 500; i++) {
		unsigned n = make_stack(f, i);
		cp_sid sid = cp_stack_intern(f, n, false);

		assert_int_equal(sid, first[i]);
		assert_int_equal(cp_stack_get(sid)->n, n);
		assert_memory_equal(cp_stack_get(sid)->frame, f, n * sizeof(*f));
	}
	assert_int_equal(cp_stack_count(), 1000);
	assert_int_equal(cp_stack_intern(f, 0, false), CP_SID_NONE);
	/* A number that a forked child has from its parent. */
	assert_int_equal(cp_stack_get(40000)->n, 1);
	assert_int_equal(cp_stack_get(UINT32_MAX)->n, 1);
}

static void full_stack_table_is_counted(void **state)
{
	cp_frame f[128];
	uint64_t before = cp_loss_read(CP_LOSS_STACKS_FULL), full = 0;

	(void)state;
	assert_int_equal(cp_stack_init(256 << 10), 0);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned n = make_stack(f, i);
		cp_sid sid = cp_stack_intern(f, n, false);

		full += sid == CP_SID_FULL;
		if (sid != CP_SID_FULL)
			assert_memory_equal(cp_stack_get(sid)->frame, f, n * sizeof(*f));
	}
	assert_true(full > 1000);
	assert_int_equal(cp_loss_read(CP_LOSS_STACKS_FULL) - before, full);
	assert_true(cp_stack_count() + full == 5000);
}

static struct cp_cells cells;
static cp_sid agreed[2000];

static void *intern_all(void *arg)
{
	cp_frame f[128];

	(void)arg;
	for (unsigned round = 0; round < 50; round++)
		for (unsigned i = 0; i < CP_ARRAY_LEN(agreed); i++) {
			cp_sid sid = cp_stack_intern(f, make_stack(f, i), false), none = 0;
			uint32_t cell = cp_cell_find(&cells, (struct cp_cell_key){sid, 0, 7});

			cp_cell_add(&cells, cell, 1, 1);
			if (!cp_cas_rlx(&agreed[i], &none, sid) && none != sid)
				return "two numbers for one stack";
		}
	return NULL;
}

static void threads_agree(void **state)
{
	pthread_t t[THREADS];
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(cp_stack_init(4 << 20), 0);
	assert_int_equal(cp_cells_init(&cells, 1 << 20), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, intern_all, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *why;

		pthread_join(t[i], &why);
		assert_null(why);
	}
	for (uint32_t c = 0; c < cp_cell_count(&cells); c++)
		sum += cp_cell_read(&cells, c, 1);
	assert_int_equal(sum, THREADS * 50 * CP_ARRAY_LEN(agreed));
	assert_int_equal(cp_stack_count(), CP_ARRAY_LEN(agreed));
}

static void full_cells_charge_cell_0(void **state)
{
	uint64_t before = cp_loss_read(CP_LOSS_CELLS_FULL), sum = 0, lost;

	(void)state;
	assert_int_equal(cp_cells_init(&cells, 64 << 10), 0);
	for (unsigned i = 0; i < 10000; i++)
		cp_cell_add(&cells, cp_cell_find(&cells, (struct cp_cell_key){i + 2, 0, 0}), 0, 3);
	for (uint32_t c = 0; c < cp_cell_count(&cells); c++)
		sum += cp_cell_read(&cells, c, 0);
	lost = cp_loss_read(CP_LOSS_CELLS_FULL) - before;
	assert_int_equal(sum, 30000);
	assert_true(lost > 1000);
	assert_int_equal(cp_cell_read(&cells, CP_CELL_FULL, 0), 3 * lost);
	assert_int_equal(cp_cell_key(&cells, CP_CELL_FULL).sid, CP_SID_FULL);
}

/* As many stacks of one label and size class as there are cells, or nearly: stacks are
 * offsets, so their numbers are far apart and not the least random. */
static void use_up(size_t bytes, unsigned at_least, unsigned stride)
{
	uint64_t before = cp_loss_read(CP_LOSS_CELLS_FULL);

	assert_int_equal(cp_cells_init(&cells, bytes), 0);
	for (unsigned i = 1; i < cells.cap - 1; i++)
		cp_cell_find(&cells, (struct cp_cell_key){i * stride + 2, 1, 7});
	assert_true(cells.cap > at_least);
	assert_int_equal(cp_loss_read(CP_LOSS_CELLS_FULL), before);
}

static void cells_are_used_up(void **state)
{
	static const unsigned strides[] = {1, 2, 3, 4, 6, 7, 8, 16, 19};

	(void)state;
	for (unsigned i = 0; i < CP_ARRAY_LEN(strides); i++) {
		use_up(768 << 10, 15000, strides[i]);
		use_up(4 << 20, 70000, strides[i]); /* two slots for each */
		use_up(6 << 20, 120000, strides[i]);
		use_up(7600 << 10, 130000, strides[i]); /* hardly more than one */
	}
}

static unsigned pages_with_entries(const char *map, size_t size)
{
	unsigned pages = 0;

	for (size_t at = 0; at < size; at += CP_PAGE)
		for (size_t k = 0; k < CP_PAGE / sizeof(uint64_t); k++)
			if (((const uint64_t *)(map + at))[k]) {
				pages++;
				break;
			}
	return pages;
}

/* A page that is met for the first time is dear, and most programs have few stacks: these lie in
 * one, which they leave room in; then in the four of the next level. */
static void first_entries_share_pages(void **state)
{
	const size_t slots = 1 << 17, size = cp_index_size(slots);
	char *map = cp_mem_map(size);
	struct cp_index x;

	(void)state;
	cp_index_init(&x, map, slots);
	for (uint64_t i = 1; i <= 300; i++) {
		uint64_t hash = i * 0x9e3779b97f4a7c15ULL, *slot;
		unsigned step = 0;

		while ((slot = cp_index_slot(&x, hash, step)) && *slot)
			step++;
		assert_non_null(slot);
		*slot = cp_index_entry(hash, (uint32_t)i);
		if (i == 100) {
			assert_int_equal(pages_with_entries(map, size), 1);
			assert_true((char *)&x.level[0][0] > map + size - CP_PAGE);
		}
	}
	assert_in_range(pages_with_entries(map, size), 2, 5);
	cp_mem_unmap(map, size);
}

static void child_starts_empty(void **state)
{
	cp_frame f[128];
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(cp_stack_init(1 << 20), 0);
	cp_stack_intern(f, make_stack(f, 1), false);
	pid = fork();
	if (pid == 0) {
		bool empty = cp_stack_count() == 0;

		cp_stack_intern(f, make_stack(f, 1), false);
		_exit(empty && cp_stack_count() == 1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(cp_stack_count(), 1);
}

/* --- live blocks ------------------------------------------------------- */

#ifdef __SANITIZE_THREAD__ /* it has pages of its own for each of ours */
#define MOST_FAULTS LONG_MAX
#else
#define MOST_FAULTS 12
#endif

static long faults(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_minflt;
}

/* The first of the tests that have any. */
static void first_blocks_share_pages(void **state)
{
	struct cp_live b = {.size = 48};
	long before;

	(void)state;
	cp_live_init(16 << 20);
	before = faults();
	for (b.addr = 0x7f0000000000; b.addr < 0x7f0000000000 + 150 * 4096; b.addr += 4096)
		assert_true(!cp_live_take(b.addr).addr && cp_live_put(&b));
	assert_in_range(faults() - before, 1, MOST_FAULTS);
	while ((b.addr -= 4096) >= 0x7f0000000000)
		assert_int_equal(cp_live_take(b.addr).size, 48);
}

static void live_blocks_come_back(void **state)
{
	(void)state;
	cp_live_init(16 << 20);
	for (uint64_t i = 1; i <= 200000; i++) {
		struct cp_live b = {0x7f0000000000 + i * 48, i * 77777777, (uint32_t)i & 0xffffff,
				    (uint8_t)i};

		assert_true(cp_live_put(&b));
	}
	for (uint64_t i = 1; i <= 200000; i++) {
		struct cp_live b = cp_live_take(0x7f0000000000 + i * 48);

		assert_int_equal(b.addr, 0x7f0000000000 + i * 48);
		assert_int_equal(b.size, i * 77777777);
		assert_int_equal(b.cell, i & 0xffffff);
		assert_int_equal(b.step, i & 0xff);
		assert_int_equal(cp_live_take(b.addr).addr, 0);
	}
}

static void live_table_is_bounded(void **state)
{
	uint64_t kept = 0;

	(void)state;
	cp_live_init(2 << 20);
	for (uint64_t i = 1; i <= 150000; i++)
		kept += cp_live_put(&(struct cp_live){0x100000000 + i * 16, 16, 1, 0});
	/* 131,072 slots, of which levels that each are four times the one before would leave out a
	 * third. */
	assert_true(kept > 118000 && kept <= 131072);
	for (uint64_t i = 1; i <= 150000; i++)
		kept -= cp_live_take(0x100000000 + i * 16).addr != 0;
	assert_int_equal(kept, 0);
}

static void *churn(void *arg)
{
	uint64_t base = 0x200000000 + (uint64_t)(uintptr_t)arg * 0x10000000;

	for (unsigned round = 0; round < 200; round++)
		for (uint64_t i = 0; i < 1000; i++) {
			struct cp_live b = {base + i * 32, i, (uint32_t)i, 0};

			if (!cp_live_put(&b) || cp_live_take(b.addr).size != i)
				return "lost";
		}
	return NULL;
}

static void threads_churn(void **state)
{
	pthread_t t[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, churn, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		void *why;

		pthread_join(t[i], &why);
		assert_null(why);
	}
}

static void marks_count_and_stick(void **state)
{
	uintptr_t p = 0x7f1234567000;
	uint8_t *mark = &cp_page_marks[cp_marks_index(p)];

	(void)state;
	cp_marks_add(p);
	cp_marks_add(p + 4000);
	cp_marks_remove(p);
	assert_int_equal(*mark, 1);
	cp_marks_remove(p);
	assert_int_equal(*mark, 0);
	cp_marks_remove(p);
	assert_int_equal(*mark, 0);
	for (int i = 0; i < 300; i++)
		cp_marks_add(p);
	for (int i = 0; i < 300; i++)
		cp_marks_remove(p);
	assert_int_equal(*mark, 255);
	cp_marks_stick(p + CP_PAGE + 5, CP_PAGE);
	assert_int_equal(mark[1], 255);
	assert_int_equal(mark[2], 255);
	assert_int_equal(mark[3], 0);
}

static void sizes_round_up(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t s = 0; s < 5000000; s++) {
		uint16_t c = cp_sizeclass_of(s);
		uint64_t top = cp_sizeclass_bytes(c);

		assert_true(top >= s && top >= last && top <= s + s / 4 + 1);
		assert_int_equal(cp_sizeclass_of(top), c);
		last = top;
	}
	for (unsigned bit = 4; bit < 63; bit++)
		assert_int_equal(cp_sizeclass_bytes(cp_sizeclass_of(1ULL << bit)), 1ULL << bit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_found_again),
		cmocka_unit_test(full_stack_table_is_counted),
		cmocka_unit_test(threads_agree),
		cmocka_unit_test(full_cells_charge_cell_0),
		cmocka_unit_test(cells_are_used_up),
		cmocka_unit_test(first_entries_share_pages),
		cmocka_unit_test(child_starts_empty),
		cmocka_unit_test(first_blocks_share_pages),
		cmocka_unit_test(live_blocks_come_back),
		cmocka_unit_test(live_table_is_bounded),
		cmocka_unit_test(threads_churn),
		cmocka_unit_test(marks_count_and_stick),
		cmocka_unit_test(sizes_round_up),
	};

	cp_loss_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
