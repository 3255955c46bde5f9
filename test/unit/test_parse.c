/* SPDX-License-Identifier: MIT */
/*
 * test_parse.c - what people write in variables is read, and what is not meant refused
 *
 * Context  TEST
 */
#include "agent/control/parse.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 4711

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {{"3600", 3600000000000},
		    {"90s", 90000000000},
		    {"15m", 900000000000},
		    {"1h", 3600000000000},
		    {"500ms", 500000000},
		    {"2d", 172800000000000},
		    {"off", 0},
		    {"0", 0}};
	static const char *const bad[] = {"",
					  "s",
					  "1x",
					  " 1",
					  "1 s",
					  "-1",
					  "+1",
					  "1.5",
					  "1h30m",
					  "Off",
					  "0x10",
					  "99999999999999999999",
					  "18446744073709551615h"};

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(good); i++) {
		uint64_t v = UNTOUCHED;

		assert_int_equal(cp_parse_duration(good[i].text, &v), 0);
		assert_int_equal(v, good[i].ns);
	}
	for (size_t i = 0; i < CP_ARRAY_LEN(bad); i++) {
		uint64_t v = UNTOUCHED;

		assert_int_not_equal(cp_parse_duration(bad[i], &v), 0);
		assert_int_equal(v, UNTOUCHED);
	}
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},		{"4096", 4096},	       {"64M", 64 << 20}, {"1g", 1 << 30},
		    {"2T", 2ULL << 40}, {"512KiB", 512 << 10}, {"8MB", 8 << 20},  {"7B", 7}};
	static const char *const bad[] = {"", "M", "1Q", "1 M", "-1", "1MM", "99999999T"};

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(good); i++) {
		uint64_t v = UNTOUCHED;

		assert_int_equal(cp_parse_bytes(good[i].text, &v), 0);
		assert_int_equal(v, good[i].bytes);
	}
	for (size_t i = 0; i < CP_ARRAY_LEN(bad); i++) {
		uint64_t v = UNTOUCHED;

		assert_int_not_equal(cp_parse_bytes(bad[i], &v), 0);
		assert_int_equal(v, UNTOUCHED);
	}
}

static void thousandths(void **state)
{
	static const struct {
		const char *text;
		uint64_t v;
	} good[] = {{"0", 0},	{"1", 1000},  {"0.25", 250}, {"2.5", 2500},  {"0.3333", 333},
		    {"0.0", 0}, {"0.001", 1}, {"0.0004", 1}, {"0.00000", 0}, {"1.0009", 1000}};
	static const char *const bad[] = {
		"", ".5", "1x", "0.5x", "1.2.3", "-1", "18446744073709551", "18446744073709551615"};

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(good); i++) {
		uint64_t v = UNTOUCHED;

		assert_int_equal(cp_parse_thousandths(good[i].text, &v), 0);
		assert_int_equal(v, good[i].v);
	}
	for (size_t i = 0; i < CP_ARRAY_LEN(bad); i++) {
		uint64_t v = UNTOUCHED;

		assert_int_not_equal(cp_parse_thousandths(bad[i], &v), 0);
		assert_int_equal(v, UNTOUCHED);
	}
}

static void signals(void **state)
{
	static const char *const bad[] = {
		"",   "USR",	  "KILL",    "9",	"STOP", "SEGV", "0",	  "65",	       "32",
		"33", "RTMIN+31", "RTMIN-1", "RTMAX+1", "usr1", "10 ",	"RTMINx", "SIGSIGUSR1"};
	int sig = UNTOUCHED;

	(void)state;
	assert_int_equal(cp_parse_signal("USR1", &sig), 0);
	assert_int_equal(sig, SIGUSR1);
	assert_int_equal(cp_parse_signal("SIGUSR2", &sig), 0);
	assert_int_equal(sig, SIGUSR2);
	assert_int_equal(cp_parse_signal("12", &sig), 0);
	assert_int_equal(sig, 12);
	assert_int_equal(cp_parse_signal("RTMIN+3", &sig), 0);
	assert_int_equal(sig, SIGRTMIN + 3);
	assert_int_equal(cp_parse_signal("SIGRTMAX-1", &sig), 0);
	assert_int_equal(sig, SIGRTMAX - 1);
	assert_int_equal(cp_parse_signal("RTMIN", &sig), 0);
	assert_int_equal(sig, SIGRTMIN);
	/* All that can be handled have a name, and those of two names both. */
	for (int n = 1; n < 32; n++) {
		char text[12];
		bool has_number;

		snprintf(text, sizeof(text), "%d", n);
		has_number = !cp_parse_signal(text, &sig);
		assert_int_equal(!cp_parse_signal(sigabbrev_np(n), &sig), has_number);
		assert_true(!has_number || sig == n);
	}
	assert_int_equal(cp_parse_signal("IO", &sig), 0);
	assert_int_equal(sig, SIGPOLL);
	assert_int_equal(cp_parse_signal("none", &sig), 0);
	assert_int_equal(sig, 0);
	for (size_t i = 0; i < CP_ARRAY_LEN(bad); i++) {
		sig = UNTOUCHED;
		assert_int_not_equal(cp_parse_signal(bad[i], &sig), 0);
		assert_int_equal(sig, UNTOUCHED);
	}
}

static bool match(const char *glob, const char *text)
{
	return cp_glob_match(glob, strlen(glob), text);
}

static void globs(void **state)
{
	(void)state;
	assert_true(match("redis-server", "redis-server"));
	assert_false(match("redis", "redis-server"));
	assert_false(match("redis-server", "redis"));
	assert_true(match("redis*", "redis-server"));
	assert_true(match("*", ""));
	assert_true(match("*server", "redis-server"));
	assert_true(match("*s*s*r", "redis-server"));
	assert_false(match("*s*x*r", "redis-server"));
	assert_true(match("a*b*c", "aXbXbXc"));
	assert_true(match("python3.1?", "python3.11"));
	assert_false(match("python3.1?", "python3.1"));
	assert_true(match("python[23]*", "python3.11"));
	assert_false(match("python[!3]*", "python3.11"));
	assert_true(match("x[a-c]y", "xby"));
	assert_false(match("x[a-c]y", "xdy"));
	assert_true(match("x[]]y", "x]y"));
	assert_true(match("x[", "x["));
	assert_true(match("a\\*b", "a*b"));
	assert_false(match("a\\*b", "axb"));
	/* a pattern that makes a naive matcher try for ever */
	assert_false(
		match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void glob_lists(void **state)
{
	(void)state;
	assert_true(cp_glob_list_match("foo , sleep", "sleep"));
	assert_true(cp_glob_list_match(" foo ,sleep", "foo"));
	assert_true(cp_glob_list_match("/usr/bin/sl*", "sleep"));
	assert_false(cp_glob_list_match("/usr/sleep/bin", "sleep"));
	assert_true(cp_glob_list_match("nginx,redis*", "redis-server"));
	assert_true(cp_glob_list_match(",,redis*,", "redis-server"));
	assert_false(cp_glob_list_match("nginx,redis", "redis-server"));
	assert_false(cp_glob_list_match("", "redis-server"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations), cmocka_unit_test(sizes), cmocka_unit_test(thousandths),
		cmocka_unit_test(signals),   cmocka_unit_test(globs), cmocka_unit_test(glob_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
