/* SPDX-License-Identifier: MIT */
/*
 * test_log.c - the log goes where it should, and never into a file of the host's
 *
 * Context  TEST
 */
#include "agent/rt/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char text[4096];

static const char *content(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* Points descriptor 2 at path; the old one comes back with restore_stderr. */
static int redirect_stderr(const char *path)
{
	int saved = dup(2);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, 2);
	close(fd);
	return saved;
}

static void restore_stderr(int saved)
{
	dup2(saved, 2);
	close(saved);
}

static void a_path_is_appended_to(void **state)
{
	char want[64];

	(void)state;
	unlink("log");
	cp_log_init("log");
	errno = 42;
	cp_log("%s %d", "first", 1);
	cp_log("second");
	assert_int_equal(errno, 42);
	snprintf(want, sizeof(want), "cprof[%d]: first 1\ncprof[%d]: second\n", getpid(), getpid());
	assert_string_equal(content("log"), want);
}

static void stderr_is_written_while_it_is_the_same_file(void **state)
{
	int saved = redirect_stderr("first");

	(void)state;
	cp_log_init(NULL);
	cp_log("seen");
	restore_stderr(redirect_stderr("second"));
	cp_log("seen again");
	close(redirect_stderr("second"));
	cp_log("the host's own data");
	restore_stderr(saved);
	assert_non_null(strstr(content("first"), ": seen again\n"));
	assert_string_equal(content("second"), "");
}

static void none_is_silent(void **state)
{
	int saved = redirect_stderr("silent");

	(void)state;
	cp_log_init("none");
	cp_log("nobody hears");
	restore_stderr(saved);
	assert_string_equal(content("silent"), "");
}

static void a_long_line_is_cut_and_ends(void **state)
{
	char longer[3000];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	unlink("log");
	cp_log_init("log");
	cp_log("%s", longer);
	assert_int_equal(strlen(content("log")), 1024);
	assert_int_equal(text[1023], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_appended_to),
		cmocka_unit_test(stderr_is_written_while_it_is_the_same_file),
		cmocka_unit_test(none_is_silent),
		cmocka_unit_test(a_long_line_is_cut_and_ends),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
