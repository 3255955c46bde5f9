/* SPDX-License-Identifier: MIT */
/*
 * test_walk.c - the walker against libgcc's unwinder, and against broken stacks
 *
 * Context  TEST: one thread. Not under the thread sanitizer: it calls handlers from places
 *          of its own.
 * Modes    fm-049 fm-052 fm-053 fm-056 fm-057
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/memo.h"
#include "agent/sample/module.h"
#include "agent/sample/peek.h"
#include "agent/sample/span.h"
#include "agent/sample/walk.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#define FIBRE 8192

static cp_frame frame[CP_WALK_MAX];
static bool cut;

static CP_NOINLINE unsigned take(void)
{
	struct cp_regs here = CP_CALLER_REGS();

	return cp_walk_caller(cp_thread_ready(), &here, frame, CP_WALK_MAX, &cut);
}

struct found {
	void **pc;
	int n, max; /* n: -1 before the first, which is who asks */
};

static _Unwind_Reason_Code find(struct _Unwind_Context *context, void *arg)
{
	struct found *f = arg;
	void *pc = (void *)_Unwind_GetIP(context);

	if (f->n == f->max || (f->n > 0 && !pc))
		return _URC_END_OF_STACK;
	if (f->n >= 0)
		f->pc[f->n] = pc;
	f->n++;
	return _URC_NO_REASON;
}

/* As backtrace(3), which sanitizers put a frame of theirs on. */
static CP_NOINLINE int unwound(void **pc, int max)
{
	struct found f = {pc, -1, max};

	_Unwind_Backtrace(find, &f);
	return f.n;
}

/* libgcc needs more stack than a fibre has to spare: only its answer is kept. Of that the
 * outermost `nobodys` are frames that nobody called. */
static CP_NOINLINE void agrees_but_for(int nobodys)
{
	static void *want[CP_WALK_MAX];
	unsigned n = take();
	int m = unwound(want, CP_WALK_MAX);

	assert_false(cut);
	assert_int_equal(n, m - nobodys);
	/* The leaf is this function, at another call. */
	for (unsigned i = 1; i < n; i++)
		if (cp_frame_addr(frame[i]) + 1 != (uintptr_t)want[i]) /* exact above a signal */
			assert_int_equal(cp_frame_addr(frame[i]), (uintptr_t)want[i]);
}

static CP_NOINLINE void agrees_with_backtrace(void)
{
	agrees_but_for(0);
	__asm__ volatile("" ::: "memory");
}

static void test_plain(void **state)
{
	(void)state;
	agrees_with_backtrace();
}

static CP_NOINLINE unsigned recurse(unsigned depth)
{
	unsigned n = depth ? recurse(depth - 1) : take();

	__asm__ volatile("" ::: "memory");
	return n;
}

static void test_deep(void **state)
{
	(void)state;
	assert_int_equal(recurse(10000), CP_WALK_MAX);
	assert_true(cut);
	/* All but the leaf are the recursion: the leaf side was kept. */
	for (unsigned i = 2; i < CP_WALK_MAX; i++)
		assert_int_equal(frame[i], frame[1]);
	assert_in_range(recurse(20), 22, 40);
	assert_false(cut);
}

/* --- other stacks ----------------------------------------------------- */

static ucontext_t main_context, fibre_context;

/* Its return address is glibc's __start_context, which libgcc shows. */
static void in_fibre(void)
{
	uint64_t lost = cp_loss_read(CP_LOSS_WALK_NO_RULE);
	const struct cp_thread *t = cp_thread_ready();

	agrees_but_for(1);
	assert_int_equal(cp_loss_read(CP_LOSS_WALK_NO_RULE), lost);
	if (cp_span_owns(t, (uintptr_t)__builtin_frame_address(0)))
		assert_true(t->memo->complete);
}

/* With the frame pointer that getcontext saw. */
static CP_NOINLINE void run_fibre(char *room, size_t size)
{
	getcontext(&fibre_context);
	fibre_context.uc_stack.ss_sp = room;
	fibre_context.uc_stack.ss_size = size;
	fibre_context.uc_link = &main_context;
	fibre_context.uc_mcontext.gregs[REG_RBP] = (greg_t)__builtin_frame_address(0);
	makecontext(&fibre_context, in_fibre, 0);
	swapcontext(&main_context, &fibre_context);
}

static void test_fibre(void **state)
{
	char *room = mmap(NULL, FIBRE + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	(void)state;
	assert_ptr_not_equal(room, MAP_FAILED);
	/* Nothing to read above it. */
	assert_int_equal(mprotect(room + FIBRE, 4096, PROT_NONE), 0);
	for (int i = 0; i < 3; i++)
		run_fibre(room, FIBRE);
	munmap(room, FIBRE + 4096);
}

/* In the thread's own stack there are frames above it, which never called it. */
static void test_fibre_within(void **state)
{
	char room[4 * FIBRE];

	(void)state;
	for (int i = 0; i < 3; i++) {
		run_fibre(room, sizeof(room));
		agrees_with_backtrace();
	}
}

static void on_signal(int sig)
{
	(void)sig;
	agrees_with_backtrace();
}

static void test_handlers(void **state)
{
	static char room[65536];
	stack_t other = {.ss_sp = room, .ss_size = sizeof(room)}, old;
	struct sigaction sa = {.sa_handler = on_signal};

	(void)state;
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR2, &sa, NULL);
	sigaltstack(&other, &old);
	raise(SIGUSR2);
	sigaltstack(&old, NULL);
}

/* --- at every instruction --------------------------------------------- */

static unsigned steps, differences;
static volatile bool stepping;

static CP_NOINLINE void compare_at(const ucontext_t *uc)
{
	static void *want[CP_WALK_MAX + 3];
	unsigned n = cp_walk_signal(cp_thread_ready(), uc, frame, CP_WALK_MAX, &cut);
	int m = unwound(want, CP_WALK_MAX + 3) - 3; /* this, the handler and the trampoline */
	bool same = (int)n == m && cp_frame_addr(frame[0]) == (uintptr_t)want[3];

	for (unsigned i = 1; same && i < n; i++)
		same = cp_frame_addr(frame[i]) + 1 == (uintptr_t)want[i + 3];
	steps++;
	differences += !same;
}

/* No flag is set in assembler, whose pushes no table would speak of. */
static void on_step(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)si;
	if (stepping)
		compare_at(uc);
	if (!steps)
		stepping = true;
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
	uc->uc_mcontext.gregs[REG_EFL] |= stepping ? 0x100 : 0;
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Nobody called it before: the first call goes through ld.so's resolver, which
 * keeps its frame address in rbx. */
static CP_NOINLINE void work(void)
{
	int v[3] = {3, 1, 2};
	char text[32];

	qsort(v, 3, sizeof(v[0]), compare_ints);
	strfromd(text, sizeof(text), "%g", 1.5);
	assert_int_equal(v[0], 1);
}

static void test_every_instruction(void **state)
{
	struct sigaction sa = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO}, old;

	(void)state;
	sigaction(SIGTRAP, &sa, &old);
	raise(SIGTRAP); /* from here on at each instruction */
	work();
	stepping = false;
	sigaction(SIGTRAP, &old, NULL);
	assert_true(steps > 1000);
	print_message("%u instructions, %u differences\n", steps, differences);
	assert_int_equal(differences, 0);
}

/* --- registers that lie ------------------------------------------------ */

static uint64_t seed = 7;

static uint64_t draw(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 20;
}

static uintptr_t any_address(const char *guarded)
{
	switch (draw() % 8) {
	case 0:
		return 0;
	case 1:
		return draw() % 8192;
	case 2:
		return (uintptr_t)draw() << 20 | draw();
	case 3:
		return (uintptr_t)&seed + draw() % 4096;
	case 4:
		return (uintptr_t)guarded + draw() % 12288;
	case 5:
		return (uintptr_t)__builtin_frame_address(0) + draw() % 2048;
	case 6:
		return UINTPTR_MAX - draw() % 4096;
	default:
		return (uintptr_t)test_deep + draw() % 4096;
	}
}

static void test_lies(void **state)
{
	char *guarded =
		mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ucontext_t uc;

	(void)state;
	memset(&uc, 0, sizeof(uc));
	mprotect(guarded, 4096, PROT_NONE);
	mprotect(guarded + 8192, 4096, PROT_NONE);
	for (int i = 0; i < 100000; i++) {
		struct cp_regs r = {any_address(guarded), any_address(guarded),
				    any_address(guarded)};

		uc.uc_mcontext.gregs[REG_RIP] = (greg_t)any_address(guarded);
		uc.uc_mcontext.gregs[REG_RSP] = (greg_t)any_address(guarded);
		uc.uc_mcontext.gregs[REG_RBP] = (greg_t)any_address(guarded);
		assert_in_range(cp_walk_signal(cp_thread_ready(), &uc, frame, CP_WALK_MAX, &cut), 0,
				CP_WALK_MAX);
		assert_in_range(cp_walk_caller(cp_thread_ready(), &r, frame, CP_WALK_MAX, &cut), 0,
				CP_WALK_MAX);
	}
	munmap(guarded, 12288);
	agrees_with_backtrace();
}

/* A stack that isn't the thread's own may go away between two reads: no crash. */
static void test_memory_goes_away(void **state)
{
	uintptr_t *p = mmap(NULL, 2 * CP_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0),
		  v = 0;
	const uintptr_t at = (uintptr_t)p + 64;
	struct cp_span span;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	for (size_t i = 0; i < 2 * CP_PAGE / sizeof(*p); i++)
		p[i] = i;
	assert_true(cp_span_foreign(&span, at));
	assert_true(cp_span_read(&span, at + CP_PAGE, &v));
	assert_int_equal(v, 8 + CP_PAGE / sizeof(v));
	assert_true(cp_span_read(&span, at + 3, &v));
	assert_false(cp_span_read(&span, at - CP_CPU_RED_ZONE - 8, &v));
	assert_true(cp_span_read(&span, at, &v) && v == 8);
	munmap(p, 2 * CP_PAGE);
	assert_false(cp_span_read(&span, at + 2048, &v));
	assert_false(cp_span_read(&span, at + CP_PAGE, &v));
	assert_false(cp_span_foreign(&span, at));
}

/* --- addresses that look like others ----------------------------------- */

static unsigned walk_at(uintptr_t pc, uintptr_t *sp, uintptr_t rcx)
{
	ucontext_t uc;

	memset(&uc, 0, sizeof(uc));
	uc.uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
	uc.uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
	uc.uc_mcontext.gregs[REG_RCX] = (greg_t)rcx;
	return cp_walk_signal(cp_thread_ready(), &uc, frame, CP_WALK_MAX, &cut);
}

/* What gcc makes of a function with a landing pad, and of the last that libgcc does on the
 * way to it. */
extern const char landing_pad[], jump_to_pad[];
__asm__(".text\n"
	".cfi_startproc\n"
	"ret\n"
	".cfi_def_cfa_offset 32\n"
	"landing_pad: nop\n"
	".cfi_endproc\n"
	".cfi_startproc\n"
	".cfi_def_cfa_offset 0\n"
	".cfi_register %rip, %rcx\n"
	"jump_to_pad: jmp *%rcx\n"
	".cfi_endproc\n");

static void test_landing_pad(void **state)
{
	uintptr_t stack[8] = {[0] = (uintptr_t)test_deep + 1, [3] = (uintptr_t)test_fibre + 1};

	(void)state;
	assert_true(walk_at((uintptr_t)jump_to_pad, stack, (uintptr_t)landing_pad) >= 3);
	assert_int_equal(cp_frame_addr(frame[1]), (uintptr_t)landing_pad);
	assert_int_equal(cp_frame_addr(frame[2]), (uintptr_t)test_fibre);
	assert_int_equal(walk_at((uintptr_t)jump_to_pad, stack, (uintptr_t)&stack[4]), 1);
	assert_int_equal(walk_at((uintptr_t)jump_to_pad, stack, 0x123456789000), 1);
}

/* The stack holds what reads like a call; in memory that may be generated code it is one. */
static void test_no_code_on_the_stack(void **state)
{
	uintptr_t *code = mmap(NULL, CP_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0),
		  stack[8] = {[3] = 0xe8U << 24};

	(void)state;
	assert_ptr_not_equal(code, MAP_FAILED);
	code[3] = stack[3];
	stack[0] = (uintptr_t)&code[4];
	assert_int_equal(walk_at((uintptr_t)code, stack, 0), 2);
	assert_int_equal(cp_frame_addr(frame[1]) + 1, (uintptr_t)&code[4]);
	stack[0] = (uintptr_t)&stack[4];
	assert_int_equal(walk_at((uintptr_t)code, stack, 0), 1);
	munmap(code, CP_PAGE);
}

/* In front of a function with a table, code without one: a byte that nobody calls from, and a
 * call. */
extern const char behind_a_gap[], behind_a_call[];
__asm__(".text\n"
	"nop; nop; nop; nop; nop; nop; nop; ret\n"
	".cfi_startproc\n"
	"behind_a_gap: nop\n"
	".cfi_endproc\n"
	"call *%rax\n"
	".cfi_startproc\n"
	"behind_a_call: nop\n"
	".cfi_endproc\n");

static void test_nobody_called(void **state)
{
	uintptr_t stack[8] = {(uintptr_t)behind_a_gap, (uintptr_t)&stack[4],	0, 0,
			      (uintptr_t)&stack[6],    (uintptr_t)behind_a_call};
	struct cp_regs r = {(uintptr_t)landing_pad + 1, (uintptr_t)stack - 24,
			    (uintptr_t)&stack[4]};
	uint64_t lost = cp_loss_read(CP_LOSS_WALK_NO_RULE);

	(void)state;
	/* A frame pointer that leads on is there; it isn't followed. */
	assert_int_equal(cp_walk_caller(cp_thread_ready(), &r, frame, CP_WALK_MAX, &cut), 1);
	assert_int_equal(cp_loss_read(CP_LOSS_WALK_NO_RULE), lost);
	/* Behind a call it is a caller, and so is who called the last byte before a function. */
	stack[0] = (uintptr_t)behind_a_call;
	assert_int_equal(cp_walk_caller(cp_thread_ready(), &r, frame, CP_WALK_MAX, &cut), 3);
	assert_int_equal(cp_frame_addr(frame[1]) + 1, (uintptr_t)behind_a_call);
	assert_true(walk_at((uintptr_t)behind_a_gap - 1, stack, 0) >= 2);
	assert_int_equal(cp_frame_addr(frame[0]) + 1, (uintptr_t)behind_a_gap);
	assert_int_equal(cp_frame_addr(frame[1]) + 1, (uintptr_t)behind_a_call);
}

/* Generated code that begins with a call, and a page before it that can't be read. */
static void test_first_bytes_of_a_mapping(void **state)
{
	char *guard = mmap(NULL, 2 * CP_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0),
	     *code = guard + CP_PAGE;
	uintptr_t stack[8] = {0};

	(void)state;
	assert_ptr_not_equal(guard, MAP_FAILED);
	mprotect(guard, CP_PAGE, PROT_NONE);
	code[1] = (char)0xe8;
	for (unsigned i = 0; i < 10; i++) {
		stack[0] = (uintptr_t)&code[i];
		assert_int_equal(walk_at((uintptr_t)&code[64], stack, 0), 1 + (i == 6));
	}
	memcpy(code, "\xff\xd0", 2);
	stack[0] = (uintptr_t)&code[2];
	assert_int_equal(walk_at((uintptr_t)&code[64], stack, 0), 2);
	munmap(guard, 2 * CP_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_fibre),
		cmocka_unit_test(test_fibre_within),
		cmocka_unit_test(test_handlers),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_memory_goes_away),
		cmocka_unit_test(test_landing_pad),
		cmocka_unit_test(test_no_code_on_the_stack),
		cmocka_unit_test(test_nobody_called),
		cmocka_unit_test(test_first_bytes_of_a_mapping),
		cmocka_unit_test(test_every_instruction),
	};
	cp_thread_init();
	cp_loss_init();
	cp_walk_init(8 << 20);
	cp_peek_choose();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
