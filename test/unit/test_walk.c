/* SPDX-License-Identifier: MIT */
/*
 * test_walk.c - the walker against the compiler's own knowledge of the stack
 *
 * Context  TEST. Not under sanitizers: backtrace() then has a frame of theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/module.h"
#include "agent/sample/walk.h"

#include <execinfo.h>
#include <string.h>

static cp_frame frame[CP_WALK_MAX];
static bool cut;

static CP_NOINLINE unsigned take(void)
{
	struct cp_regs here = CP_CALLER_REGS();

	return cp_walk_caller(cp_thread_ready(), &here, frame, CP_WALK_MAX, &cut);
}

static CP_NOINLINE void agrees_with_backtrace(void)
{
	void *want[CP_WALK_MAX];
	unsigned n = take();
	int m = backtrace(want, CP_WALK_MAX);

	assert_false(cut);
	assert_int_equal(n, m);
	/* The leaf is this function, at another call. */
	for (unsigned i = 1; i < n; i++)
		assert_int_equal(cp_frame_addr(frame[i]) + 1, (uintptr_t)want[i]);
}

static void test_plain(void **state)
{
	(void)state;
	agrees_with_backtrace();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain)};

	cp_thread_init();
	cp_loss_init();
	cp_walk_init(8 << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
