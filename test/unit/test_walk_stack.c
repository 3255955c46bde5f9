/* SPDX-License-Identifier: MIT */
/*
 * test_walk_stack.c - how much stack a walk takes: it may run on a fibre's 8 KiB
 *
 * Context  TEST: one thread; the walk runs on a painted stack of its own. Not under
 *          sanitizers: what they take of the stack is theirs.
 * Modes    fm-053
 */
#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/module.h"
#include "agent/sample/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STACK_BYTES 65536
#define MOST_BYTES  2048
#define PAINT	    0xa5
#define DEPTH	    30

static struct {
	ucontext_t back, there;
	_Alignas(64) uint8_t stack[STACK_BYTES];
	cp_frame frame[CP_WALK_MAX];
	const uint8_t *began;
	unsigned n;
} st;

static CP_NOINLINE void walk(unsigned depth)
{
	static ucontext_t here;
	bool cut = false;

	if (depth > 0) {
		walk(depth - 1);
		__asm__ volatile("" ::: "memory");
		return;
	}
	getcontext(&here);
	st.began = __builtin_frame_address(0);
	st.n = cp_walk_signal(&cp_self, &here, st.frame, CP_WALK_MAX, &cut);
}

static void entry(void)
{
	walk(DEPTH);
}

static size_t bytes_below(const uint8_t *began)
{
	const uint8_t *p = st.stack;

	while (*p == PAINT)
		p++;
	return (size_t)(began - p);
}

static void run_once(void)
{
	memset(st.stack, PAINT, sizeof(st.stack));
	getcontext(&st.there);
	st.there.uc_stack.ss_sp = st.stack;
	st.there.uc_stack.ss_size = sizeof(st.stack);
	st.there.uc_link = &st.back;
	makecontext(&st.there, entry, 0);
	swapcontext(&st.back, &st.there);
}

/* Cold, every rule is interpreted; warm, found in the cache. */
static void walk_needs_little_stack(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		run_once();
		print_message("%u frames, %zu bytes of stack\n", st.n, bytes_below(st.began));
		assert_true(st.n > DEPTH);
		assert_true(bytes_below(st.began) <= MOST_BYTES);
	}
}

static int ready(void **state)
{
	(void)state;
	if (cp_thread_init() || cp_loss_init() || cp_module_init() || cp_walk_init(4UL << 20))
		return -1;
	cp_thread_ready();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(walk_needs_little_stack)};

	return cmocka_run_group_tests(tests, ready, NULL);
}
