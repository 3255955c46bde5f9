/* SPDX-License-Identifier: MIT */
/*
 * test_known.c - what a thread knows of its stacks, and for how long
 *
 * Context  TEST: cp_stack_intern is a stand-in that gives each stack another number, so that a
 *          number tells whether it was walked. The stacks are made up. Not under sanitizers.
 * Why      That what is known is the stack, whatever changed, is test_walk_memo.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/rt/thread.h"
#include "agent/sample/known.h"
#include "agent/sample/loss.h"
#include "agent/sample/memo.h"
#include "agent/sample/rules.h"
#include "agent/sample/stack.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

cp_sid cp_stack_intern(const cp_frame *frame, unsigned n, bool cut)
{
	static cp_sid handed = CP_SID_FULL;

	(void)frame;
	(void)n;
	(void)cut;
	return ++handed;
}

/* Code that never runs: a place to return to under each kind of rule. */
#define PLACE(name, rules)                                                            \
	".globl " #name "\n.hidden " #name "\n.cfi_startproc\nnop\n" rules "\n" #name \
	":nop\nnop\n.cfi_endproc\n"

__asm__(".text\n" PLACE(at_sp8, "") PLACE(at_fp, ".cfi_def_cfa rbp, 16")
		PLACE(at_end, ".cfi_undefined rip"));

extern const char at_sp8[], at_fp[], at_end[];

static uintptr_t page[CP_PAGE / sizeof(uintptr_t)] __attribute__((aligned(CP_PAGE)));
static struct cp_thread one;

/* A caller at page[at], which its own caller's end is above. */
static struct cp_regs caller_at(unsigned at)
{
	page[at] = (uintptr_t)at_end + 1;
	return (struct cp_regs){(uintptr_t)at_sp8 + 1, (uintptr_t)&page[at], 0};
}

/* By then it has a memo, has seen the place, and keeps it. */
static cp_sid make_known(struct cp_regs r, uintptr_t leaf)
{
	cp_sid sid = CP_SID_NONE;

	for (int i = 0; i < 3; i++)
		sid = cp_known_stack(&one, &r, leaf);
	return sid;
}

static int begin(void **state)
{
	(void)state;
	if (one.memo)
		one.memo->owner = NULL;
	one = (struct cp_thread){.state = CP_THREAD_READY,
				 .stack_lo = (uintptr_t)page,
				 .stack_hi = (uintptr_t)page + sizeof(page)};
	return 0;
}

static void test_forgotten(void **state)
{
	struct cp_regs here = caller_at(8);
	cp_sid sid = make_known(here, 0);

	(void)state;
	assert_int_equal(cp_known_stack(&one, &here, 0), sid);
	one.walking = 1;
	assert_int_not_equal(cp_known_stack(&one, &here, 0), sid);
	one.walking = 0;
	assert_int_equal(cp_known_stack(&one, &here, 0), sid);
	cp_rules_forget();
	assert_int_not_equal(cp_known_stack(&one, &here, 0), sid);
	sid = cp_known_stack(&one, &here, 0);
	assert_int_equal(cp_known_stack(&one, &here, 0), sid);
	assert_int_not_equal(cp_known_stack(&one, &here, (uintptr_t)getppid), sid);
}

/* Entries that a thread before it left in its memo are nothing to another. */
static void test_to_one_thread(void **state)
{
	struct cp_regs here = caller_at(8);
	cp_sid sid = make_known(here, 0);
	struct cp_thread two = one;

	(void)state;
	one.memo->owner = &two;
	assert_int_not_equal(cp_known_stack(&two, &here, 0), sid);
	assert_int_not_equal(cp_known_stack(&two, &here, 0), sid);
	two.memo->owner = NULL;
}

/* What lies beyond the stack's end isn't read; an odd sp, or another stack, isn't kept, and takes
 * nobody's place. */
static void test_unkept(void **state)
{
	static uintptr_t other[40];
	struct cp_regs here = caller_at(8), odd = caller_at(16);
	cp_sid sid = make_known(here, 0);

	(void)state;
	one.stack_hi = here.sp + 4;
	assert_int_not_equal(cp_known_stack(&one, &here, 0), sid);
	one.stack_hi = (uintptr_t)page + sizeof(page);
	sid = make_known(here, 0);
	for (unsigned i = 0; i < CP_ARRAY_LEN(other); i++) {
		struct cp_regs foreign = {here.pc, (uintptr_t)&other[i], 0};

		other[i] = (uintptr_t)at_end + 1;
		cp_known_stack(&one, &foreign, 0);
		assert_int_equal(cp_known_stack(&one, &here, 0), sid);
	}
	odd.sp -= 4;
	odd.pc = (uintptr_t)at_fp + 1;
	odd.fp = (uintptr_t)&page[15];
	sid = make_known(odd, 0);
	memcpy((void *)odd.sp, &(uintptr_t){page[16]}, sizeof(uintptr_t));
	assert_int_not_equal(cp_known_stack(&one, &odd, 0), sid);
}

static unsigned nested_at;

/* What a host's handler may leave behind in the child it forked: another life, in which the
 * thread has the same memo again. */
static void live_on(int sig)
{
	struct cp_regs nested;

	(void)sig;
	mprotect(page, sizeof(page), PROT_READ | PROT_WRITE);
	memset(one.memo->known, 0, sizeof(one.memo->known));
	one.epoch++;
	one.walking = 0;
	nested = caller_at(nested_at);
	make_known(nested, 0);
}

static void test_another_life(void **state)
{
	struct sigaction sa = {.sa_handler = live_on, .sa_flags = SA_NODEFER};

	(void)state;
	sigaction(SIGSEGV, &sa, NULL);
	for (nested_at = 9; nested_at < 9 + 8 * CP_KNOWN_STACKS; nested_at++) {
		struct cp_regs here = caller_at(8);
		cp_sid sid = make_known(here, 0);

		caller_at(nested_at);
		mprotect(page, sizeof(page), PROT_NONE);
		assert_int_not_equal(cp_known_stack(&one, &here, 0), sid);
	}
	signal(SIGSEGV, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_forgotten, begin),
		cmocka_unit_test_setup(test_to_one_thread, begin),
		cmocka_unit_test_setup(test_unkept, begin),
		cmocka_unit_test_setup(test_another_life, begin),
	};

	cp_thread_init();
	cp_loss_init();
	cp_walk_init(8 << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
