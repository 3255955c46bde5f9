/* SPDX-License-Identifier: MIT */
/*
 * test_config.c - every variable: default, good values, one clear line on bad ones
 *
 * With --table it prints the table instead (name, default, accepted, meaning, by tabs),
 * for test/cases/man-table.sh.
 *
 * Context  TEST
 */
#include "agent/control/config.h"
#include "agent/control/request.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char log_path[PATH_MAX];
static char log_text[8192];

/* Reads a configuration with the log in a file, and what was written to it. */
static void configure(const char *const *vars)
{
	char where[PATH_MAX + 16];
	char *env[16] = {where};
	ssize_t n;
	int fd;

	unlink(log_path);
	snprintf(where, sizeof(where), "CPROF_LOG=%s", log_path);
	for (int i = 0; vars[i]; i++)
		env[i + 1] = (char *)vars[i];
	cp_config_init(env);
	fd = open(log_path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, log_text, sizeof(log_text) - 1);
	log_text[n] = 0;
	if (fd >= 0)
		close(fd);
}

#define CONFIGURE(...) configure((const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state)
{
	char cwd[PATH_MAX];

	(void)state;
	CONFIGURE("PATH=/bin");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_string_equal(cp_config.dir, cwd);
	assert_int_equal(cp_config.interval_ns, 0);
	assert_int_equal(cp_config.signal, SIGUSR1);
	assert_false(cp_config.atexit);
	assert_int_equal(cp_config.heap_rate, 524288);
	assert_int_equal(cp_config.types & 0x6, 1U << CP_TYPE_HEAP | 1U << CP_TYPE_ALLOCS);
	assert_string_equal(cp_config.only, "*");
	assert_int_equal(cp_config.max_memory, 64 << 20);
	assert_int_equal(cp_config.budget, 1000);
	assert_false(cp_config_is_given(&cp_config.heap_rate));
	assert_int_equal(cp_config.seed, 0);
	assert_string_equal(log_text, "");
}

static void good_values(void **state)
{
	char cwd[PATH_MAX + 8];

	(void)state;
	CONFIGURE("CPROF_DIR=some/where", "CPROF_INTERVAL=15m", "CPROF_SIGNAL=USR2",
		  "CPROF_ATEXIT=1", "CPROF_PROFILES=allocs", "CPROF_HEAP_RATE=1M",
		  "CPROF_ONLY=nginx,redis*", "CPROF_KEEP=7", "CPROF_MAX_BYTES=2G",
		  "CPROF_MAX_MEMORY=128M", "CPROF_SEED=42", "CPROF_BUDGET=0.25");
	assert_non_null(getcwd(cwd, PATH_MAX));
	strcat(cwd, "/some/where");
	assert_string_equal(cp_config.dir, cwd);
	assert_int_equal(cp_config.interval_ns, 900000000000);
	assert_int_equal(cp_config.signal, SIGUSR2);
	assert_true(cp_config.atexit);
	assert_int_equal(cp_config.types, 1U << CP_TYPE_ALLOCS);
	assert_int_equal(cp_config.heap_rate, 1 << 20);
	assert_string_equal(cp_config.only, "nginx,redis*");
	assert_int_equal(cp_config.keep, 7);
	assert_int_equal(cp_config.max_bytes, 2ULL << 30);
	assert_int_equal(cp_config.max_memory, 128 << 20);
	assert_int_equal(cp_config.budget, 250);
	assert_true(cp_config_is_given(&cp_config.heap_rate));
	assert_false(cp_config_is_given(&cp_config.cpu_hz));
	assert_int_equal(cp_config.seed, 42);
	assert_string_equal(log_text, "");
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void bad_values(void **state)
{
	(void)state;
	CONFIGURE("CPROF_INTERVAL=soon", "CPROF_SIGNAL=KILL", "CPROF_PROFILES=heap,lunch",
		  "CPROF_MAX_MEMORY=1", "CPROF_ATEXIT=yes");
	assert_int_equal(cp_config.interval_ns, 0);
	assert_int_equal(cp_config.signal, SIGUSR1);
	assert_int_equal(cp_config.max_memory, 64 << 20);
	assert_false(cp_config.atexit);
	assert_int_equal(lines(log_text), 5);
	assert_non_null(strstr(log_text, "CPROF_INTERVAL=soon is not understood; accepted: "));
	assert_non_null(strstr(log_text, "using the default, off\n"));
	assert_non_null(strstr(log_text, "CPROF_SIGNAL=KILL"));
	assert_non_null(strstr(log_text, "using the default, USR1\n"));
	assert_non_null(strstr(log_text, "CPROF_PROFILES=heap,lunch"));
}

/* Too long for a path: the default counts, not the half of it. */
static void long_path(void **state)
{
	static char var[4000];
	char cwd[PATH_MAX];

	(void)state;
	memset(var, 'x', sizeof(var) - 1);
	memcpy(var, "CPROF_DIR=", 10);
	CONFIGURE(var);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_string_equal(cp_config.dir, cwd);
	assert_int_equal(lines(log_text), 1);
}

static void unknown_and_odd(void **state)
{
	(void)state;
	CONFIGURE("CPROF_HEAPRATE=5", "CPROF_KEEP=", "CPROF_HEAP_RATE=1\n2", "XCPROF_KEEP=x");
	assert_int_equal(lines(log_text), 2);
	assert_non_null(strstr(log_text, "CPROF_HEAPRATE: this version knows no such variable"));
	assert_non_null(strstr(log_text, "CPROF_HEAP_RATE=1?2 is not understood"));
	CONFIGURE("CPROF_KEEP=3", "CPROF_KEEP=4");
	assert_int_equal(cp_config.keep, 3);
}

static int print_table(void)
{
	for (size_t i = 0; i < cp_config_row_count; i++) {
		const struct cp_config_row *r = &cp_config_rows[i];

		printf("%s\t%s\t%s\t%s\n", r->name, r->fallback, r->accepted, r->meaning);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),	   cmocka_unit_test(good_values),
		cmocka_unit_test(bad_values),	   cmocka_unit_test(long_path),
		cmocka_unit_test(unknown_and_odd),
	};

	if (argc > 1 && !strcmp(argv[1], "--table"))
		return print_table();
	if (!getcwd(log_path, sizeof(log_path) - 16))
		return 1;
	strcat(log_path, "/config-log");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
