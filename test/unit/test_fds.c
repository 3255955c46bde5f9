/* SPDX-License-Identifier: MIT */
/*
 * test_fds.c - descriptors that don't block are found out, and forgotten again
 *
 * Context  TEST
 */
#include "../../agent/rt/sys.h"
#include "../../agent/sample/fds.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int never[2], waits[2];

static bool is_known(int fd)
{
	return cp_fds_bit(cp_fds.never_waits, fd);
}

/* And may ask again. */
static void forget_all(void)
{
	for (unsigned i = 0; i < CP_ARRAY_LEN(cp_fds.asked); i++)
		cp_fds_sampled();
}

static int begin(void **state)
{
	(void)state;
	forget_all();
	return pipe2(never, O_NONBLOCK) || pipe2(waits, 0);
}

static int end(void **state)
{
	(void)state;
	return close(never[0]) || close(never[1]) || close(waits[0]) || close(waits[1]);
}

static void only_what_does_not_block(void **state)
{
	(void)state;
	assert_false(is_known(never[0]));
	errno = 7;
	cp_fds_ask(never[0]);
	cp_fds_ask(waits[0]);
	assert_true(is_known(never[0]));
	assert_false(is_known(waits[0]));
	cp_fds_ask(-1);
	cp_fds_ask(CP_FDS - 1); /* not open */
	assert_false(is_known(-1));
	assert_false(is_known(CP_FDS - 1));
	assert_int_equal(errno, 7);
}

static void those_with_high_numbers_wait(void **state)
{
	int last = fcntl(never[0], F_DUPFD, CP_FDS - 1), high = fcntl(never[0], F_DUPFD, CP_FDS);

	(void)state;
	assert_true(last == CP_FDS - 1 && high == CP_FDS);
	cp_fds_ask(last);
	cp_fds_ask(high);
	assert_true(is_known(last));
	assert_false(is_known(high));
	close(last);
	close(high);
}

static void it_is_asked_again_in_a_while(void **state)
{
	(void)state;
	cp_fds_ask(never[0]);
	cp_fds_ask(waits[0]);
	fcntl(never[0], F_SETFL, 0);
	fcntl(waits[0], F_SETFL, O_NONBLOCK);
	cp_fds_ask(never[0]);
	cp_fds_ask(waits[0]);
	assert_true(is_known(never[0])); /* was asked already */
	assert_false(is_known(waits[0]));
	forget_all();
	assert_false(is_known(never[0]));
	cp_fds_ask(never[0]);
	cp_fds_ask(waits[0]);
	assert_false(is_known(never[0]));
	assert_true(is_known(waits[0]));
}

/* A number may be a file that blocks in the parent, and a socket that doesn't in its child. */
static void a_child_knows_nothing(void **state)
{
	(void)state;
	cp_fds_ask(never[0]);
	cp_fds_ask(waits[0]);
	cp_fds_forked(true);
	assert_false(is_known(never[0]));
	fcntl(waits[0], F_SETFL, O_NONBLOCK);
	cp_fds_ask(waits[0]);
	assert_true(is_known(waits[0]));
	cp_fds_forked(false); /* without samples, which forget: */
	cp_fds_ask(never[0]);
	assert_false(is_known(never[0]));
}

static void to_begin_is_enough(void **state)
{
	(void)state;
	for (int i = 0; i < 64; i++) /* till there is none left */
		cp_fds_ask(CP_FDS - 1 - i);
	cp_fds_ask(never[0]);
	assert_false(is_known(never[0]));
	cp_fds_begin();
	cp_fds_ask(never[0]);
	assert_true(is_known(never[0]));
}

static void no_more_than_samples_allow(void **state)
{
	int fd[CP_FDS], n = 0, known = 0;

	(void)state;
	while (n < 300 && (fd[n] = dup(never[0])) >= 0)
		n++;
	assert_int_equal(n, 300);
	for (int i = 0; i < n; i++)
		cp_fds_ask(fd[i]);
	for (int i = 0; i < n; i++)
		known += is_known(fd[i]);
	assert_true(known > 0 && known < n);
	for (int k = 0; k < 20; k++) {
		cp_fds_sampled();
		for (int i = 0; i < n; i++)
			cp_fds_ask(fd[i]);
	}
	for (int i = 0; i < n; i++)
		assert_true(is_known(fd[i]));
	for (int i = 0; i < n; i++)
		close(fd[i]);
}

/* The last: it is for good. */
static void nothing_after_the_last_sample(void **state)
{
	(void)state;
	cp_fds_ask(never[0]);
	assert_true(is_known(never[0]));
	cp_fds_stop();
	assert_false(is_known(never[0]));
	cp_fds_sampled();
	cp_fds_ask(never[0]);
	assert_false(is_known(never[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_does_not_block, begin, end),
		cmocka_unit_test_setup_teardown(those_with_high_numbers_wait, begin, end),
		cmocka_unit_test_setup_teardown(it_is_asked_again_in_a_while, begin, end),
		cmocka_unit_test_setup_teardown(a_child_knows_nothing, begin, end),
		cmocka_unit_test_setup_teardown(to_begin_is_enough, begin, end),
		cmocka_unit_test_setup_teardown(no_more_than_samples_allow, begin, end),
		cmocka_unit_test_setup_teardown(nothing_after_the_last_sample, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
