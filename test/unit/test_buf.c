/* SPDX-License-Identifier: MIT */
/*
 * test_buf.c - formatting into a bounded buffer, and arenas
 *
 * Context  TEST
 */
#include "agent/rt/buf.h"
#include "agent/rt/mem.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void formats_as_printf_does(void **state)
{
	char ours[256], libc[256];
	struct cp_buf b = CP_BUF(ours);

	(void)state;
	cp_buf_fmt(&b, "%s|%d|%u|%ld|%lu|%x|%lx|%p|%c|%%", "text", INT_MIN, UINT_MAX, LONG_MIN,
		   ULONG_MAX, 0xbeefU, 0xfeedfaceUL, (void *)0x1234, 'c');
	snprintf(libc, sizeof(libc), "%s|%d|%u|%ld|%lu|%x|%lx|%p|%c|%%", "text", INT_MIN, UINT_MAX,
		 LONG_MIN, ULONG_MAX, 0xbeefU, 0xfeedfaceUL, (void *)0x1234, 'c');
	assert_string_equal(ours, libc);
	assert_int_equal(b.len, strlen(libc));
	assert_false(b.cut);
}

static void pads_numbers_with_zeros(void **state)
{
	char text[16];
	struct cp_buf b = CP_BUF(text);

	(void)state;
	cp_buf_u64(&b, 7, 4);
	cp_buf_hex_bytes(&b, (const uint8_t *)"\x00\x0f\xa0", 3);
	assert_string_equal(text, "0007000fa0");
}

static void cuts_what_does_not_fit(void **state)
{
	char text[8];
	struct cp_buf b = CP_BUF(text);

	(void)state;
	memset(text, 'x', sizeof(text));
	cp_buf_str(&b, "0123456789");
	assert_true(b.cut);
	assert_string_equal(text, "0123456");
	cp_buf_char(&b, 'z');
	assert_string_equal(text, "0123456");
	assert_int_equal(b.len, 7);
}

static void arena_is_zeroed_aligned_and_bounded(void **state)
{
	struct cp_arena a = {.limit = 1UL << 20};
	size_t got = 0;
	char *p;

	(void)state;
	while ((p = cp_arena_alloc(&a, 1000))) {
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, 1000);
		got += 1000;
	}
	assert_true(a.mapped <= a.limit);
	assert_true(got > (1UL << 20) * 9 / 10);
	assert_null(cp_arena_alloc(&a, SIZE_MAX));
	cp_arena_release(&a);
	assert_int_equal(a.mapped, 0);
}

/* A limit that no doubling meets: the last chunk is what it leaves. */
static void arena_gives_all_its_limit_allows(void **state)
{
	struct cp_arena a = {.limit = (1UL << 20) - 60UL * 1024};
	size_t got = 0;

	(void)state;
	while (cp_arena_alloc(&a, 1000))
		got += 1000;
	assert_true(a.mapped <= a.limit);
	assert_true(got > a.limit * 9 / 10);
	cp_arena_release(&a);
}

static void arena_serves_blocks_larger_than_a_chunk(void **state)
{
	struct cp_arena a = {0};
	char *small = cp_arena_strdup(&a, "hello, world", 5);
	char *large = cp_arena_alloc(&a, 8UL << 20);

	(void)state;
	assert_non_null(large);
	memset(large, 1, 8UL << 20);
	assert_string_equal(small, "hello");
	cp_arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_as_printf_does),
		cmocka_unit_test(pads_numbers_with_zeros),
		cmocka_unit_test(cuts_what_does_not_fit),
		cmocka_unit_test(arena_is_zeroed_aligned_and_bounded),
		cmocka_unit_test(arena_gives_all_its_limit_allows),
		cmocka_unit_test(arena_serves_blocks_larger_than_a_chunk),
	};

	return cmocka_run_group_tests_name("buf and mem", tests, NULL, NULL);
}
