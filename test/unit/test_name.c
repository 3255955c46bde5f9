/* SPDX-License-Identifier: MIT */
/*
 * test_name.c - file names, dates, order and requests survive the way there and back
 *
 * Context  TEST
 */
#include "agent/control/name.h"
#include "agent/control/request.h"
#include "agent/rt/calendar.h"
#include "agent/rt/sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void a_name_there_and_back(void **state)
{
	struct cp_name name = {.pid = 1234, .seq = 1, .stamp = "20261121T101500Z"}, back;
	char text[CP_NAME_MAX];
	bool temporary;

	(void)state;
	cp_name_build(text, "redis-server", &name, "heap", false);
	assert_string_equal(text, "redis-server.1234.20261121T101500Z.0001.heap.pb.gz");
	assert_true(cp_name_parse(text, "redis-server", &back, &temporary));
	assert_false(temporary);
	assert_int_equal(cp_name_compare(&name, &back), 0);
	cp_name_build(text, "a.b", &name, "allocs", true);
	assert_string_equal(text, ".a.b.1234.20261121T101500Z.0001.allocs.pb.gz.tmp");
	assert_true(cp_name_parse(text, "a.b", &back, &temporary));
	assert_true(temporary);
}

static void foreign_names(void **state)
{
	static const char *const foreign[] = {
		"redis-server",
		"redis-server.1234.20261121T101500Z.0001.heap.pb",
		"redis-server.1234.20261121T101500Z.0001.heap.pb.gz.bak",
		"redis-server.1234.20261121T101500Z.0001.heap.pb.gz.tmp",
		".redis-server.1234.20261121T101500Z.0001.heap.pb.gz",
		"redis-server.x.20261121T101500Z.0001.heap.pb.gz",
		"redis-server.1234.20261121 101500Z.0001.heap.pb.gz",
		"redis-server.1234.2026112.0001.heap.pb.gz",
		"redis-server.1234.20261121T101500Z..heap.pb.gz",
		"redis-server.99999999999.20261121T101500Z.0001.heap.pb.gz",
		"redis-server2.1234.20261121T101500Z.0001.heap.pb.gz",
		"redis.1234.20261121T101500Z.0001.heap.pb.gz",
		"",
	};
	struct cp_name name;
	bool temporary;

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(foreign); i++)
		assert_false(cp_name_parse(foreign[i], "redis-server", &name, &temporary));
}

static void older_comes_first(void **state)
{
	struct cp_name a = {.pid = 9, .seq = 9, .stamp = "20261121T101500Z"};
	struct cp_name b = {.pid = 1, .seq = 1, .stamp = "20261121T101501Z"};

	(void)state;
	assert_true(cp_name_compare(&a, &b) < 0);
	assert_true(cp_name_compare(&b, &a) > 0);
	b = a;
	b.seq = 10;
	assert_true(cp_name_compare(&a, &b) < 0);
}

/* Against libc, over four centuries and every leap rule. */
static void dates_as_gmtime_has_them(void **state)
{
	(void)state;
	for (int64_t t = 0; t < 400LL * 366 * 86400; t += 86399 * 7 + 11) {
		time_t seconds = (time_t)t;
		struct tm tm;
		char want[32], got[32];
		struct cp_buf b = CP_BUF(got);

		gmtime_r(&seconds, &tm);
		strftime(want, sizeof(want), "%Y%m%dT%H%M%SZ", &tm);
		cp_calendar_stamp(&b, t);
		assert_string_equal(got, want);
	}
}

static void requests_there_and_back(void **state)
{
	struct cp_request r = {.types = 0x06, .seconds = 30, .nonce = 0xabcdef}, back;
	uint64_t word = cp_request_pack(r);

	(void)state;
	assert_int_equal(word, 0xc9f006001eabcdefULL);
	back = cp_request_unpack(word);
	assert_int_equal(back.types, r.types);
	assert_int_equal(back.seconds, r.seconds);
	assert_int_equal(back.nonce, r.nonce);
	back = cp_request_unpack(0x1234);
	assert_int_equal(back.types | back.seconds | back.nonce, 0);
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void sorting(void **state)
{
	int v[1000];
	unsigned seed = 1;

	(void)state;
	for (size_t n = 0; n <= CP_ARRAY_LEN(v); n += n < 20 ? 1 : 49) {
		int64_t sum = 0, after = 0;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			v[i] = (int)(seed >> 16 & 0xff);
			sum += v[i];
		}
		cp_sort(v, n, sizeof(*v), compare_ints);
		for (size_t i = 0; i < n; i++) {
			after += v[i];
			assert_true(i == 0 || v[i - 1] <= v[i]);
		}
		assert_int_equal(sum, after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_there_and_back),
		cmocka_unit_test(foreign_names),
		cmocka_unit_test(older_comes_first),
		cmocka_unit_test(dates_as_gmtime_has_them),
		cmocka_unit_test(requests_there_and_back),
		cmocka_unit_test(sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
