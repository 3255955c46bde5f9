/* SPDX-License-Identifier: MIT */
/*
 * test_walk_memo.c - a walk that reuses the last one gives what a fresh one gives, and so does
 * one that is known
 *
 * Context  TEST: cp_stack_intern is a stand-in that keeps the stacks of late. Not under
 *          sanitizers: with their frames hardly a walk is reused.
 * Why      Random call trees over frames of every make - sizes that differ, frame
 *          pointers kept, clobbered and absent, alloca, realigned stacks - return
 *          and call again, so that the stack holds stale frames everywhere.
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
#include "agent/sample/walk.h"

#include <alloca.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WALKS 200000
#define DEEP  60

static uint64_t seed = 1;
static unsigned walks, reused, deepest, known, long_ago;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static void compare(const cp_frame *a, unsigned n, bool cut_a, const cp_frame *b, unsigned m,
		    bool cut_b)
{
	assert_int_equal(n, m);
	assert_int_equal(cut_a, cut_b);
	assert_memory_equal(a, b, n * sizeof(*a));
	deepest = n > deepest ? n : deepest;
	walks++;
}

/* --- stacks by number ------------------------------------------------------ */

#define KEPT 4096U

static struct {
	cp_sid sid;
	unsigned n;
	bool cut;
	cp_frame frame[CP_WALK_MAX];
} kept[KEPT];
static cp_sid handed = CP_SID_FULL;

cp_sid cp_stack_intern(const cp_frame *frame, unsigned n, bool cut)
{
	unsigned i = ++handed % KEPT;

	kept[i].sid = handed;
	kept[i].n = n;
	kept[i].cut = cut;
	memcpy(kept[i].frame, frame, n * sizeof(*frame));
	return handed;
}

/* With what the thread knows and, as if nested, without. */
static void by_number(struct cp_thread *t, const struct cp_regs *r)
{
	uintptr_t leaf = draw(4) ? 0 : (uintptr_t)getppid;
	cp_sid before = handed, sid = cp_known_stack(t, r, leaf);
	cp_frame without[CP_WALK_MAX];
	bool cut;
	unsigned i = sid % KEPT, n = leaf != 0;

	known += handed == before;
	assert_in_range(sid, CP_SID_FULL + 1, handed);
	if (kept[i].sid != sid) {
		long_ago++;
		return;
	}
	if (leaf)
		without[0] = cp_rules_frame(leaf);
	t->walking = 1;
	n += cp_walk_caller(t, r, without + n, CP_WALK_MAX - n, &cut);
	t->walking = 0;
	compare(kept[i].frame, kept[i].n, kept[i].cut, without, n, cut);
}

/* The same registers, with the memo and, as if nested, without. */
static CP_NOINLINE void both(unsigned max)
{
	struct cp_regs here = CP_CALLER_REGS();
	struct cp_thread *t = cp_thread_ready();
	cp_frame with[CP_WALK_MAX], without[CP_WALK_MAX];
	bool cut_with, cut_without;
	unsigned n = cp_walk_caller(t, &here, with, max, &cut_with), m;

	t->walking = 1;
	m = cp_walk_caller(t, &here, without, max, &cut_without);
	t->walking = 0;
	compare(with, n, cut_with, without, m, cut_without);
	reused += t->memo && t->memo->complete;
	for (unsigned times = draw(5); times; times--)
		by_number(t, &here);
}

typedef void node(unsigned depth);
static node small, large, keeps_fp, clobbers_fp, realigned, grows, handler_below;
#define PLAIN 7
static node *const nodes[] = {small, large,    keeps_fp,    grows,     small,
			      large, keeps_fp, clobbers_fp, realigned, handler_below};
/* Of nodes, all or the plain ones; of the depth; of walks. */
static unsigned kinds, limit, enough;

static CP_NOINLINE void visit(unsigned depth)
{
	for (unsigned calls = 1 + draw(3); calls && walks < enough; calls--) {
		if (draw(4) == 0)
			both(draw(8) ? CP_WALK_MAX : 1 + draw(40));
		if (depth < limit && draw(20))
			nodes[draw(kinds)](depth + 1);
	}
	both(CP_WALK_MAX);
}

#define USE(p)	__asm__ volatile("" ::"r"(p) : "memory")
#define AFTER() __asm__ volatile("" ::: "memory") /* not a tail call */

static CP_NOINLINE void small(unsigned depth)
{
	visit(depth);
	AFTER();
}

static CP_NOINLINE void large(unsigned depth)
{
	char room[200];

	USE(room);
	visit(depth);
	USE(room);
}

/* Who asks for its frame's address has a frame pointer, with either compiler. */
static CP_NOINLINE void keeps_fp(unsigned depth)
{
	USE(__builtin_frame_address(0));
	visit(depth);
	AFTER();
}

static CP_NOINLINE void clobbers_fp(unsigned depth)
{
	uint64_t junk = draw(2) ? seed : (uintptr_t)&junk + 64 * draw(8);

	USE(getppid()); /* a call that is seen: no red zone, an aligned stack */
	__asm__ volatile("push %%rbp\n\t"
			 ".cfi_adjust_cfa_offset 8\n\t"
			 ".cfi_rel_offset rbp, 0\n\t"
			 "mov %1, %%rbp\n\t"
			 "sub $8, %%rsp\n\t"
			 ".cfi_adjust_cfa_offset 8\n\t"
			 "call *%2\n\t"
			 "add $8, %%rsp\n\t"
			 ".cfi_adjust_cfa_offset -8\n\t"
			 "pop %%rbp\n\t"
			 ".cfi_adjust_cfa_offset -8\n\t"
			 ".cfi_restore rbp"
			 : "+D"(depth) /* none but junk may be in rbp */
			 : "r"(junk), "b"(visit)
			 : "rsi", "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
}

static CP_NOINLINE void realigned(unsigned depth)
{
	_Alignas(64) char room[64];

	USE(room);
	visit(depth);
	USE(room);
}

static CP_NOINLINE void grows(unsigned depth)
{
	char *room = alloca(16 * (1 + draw(20)));

	USE(room);
	visit(depth);
	USE(room);
}

static unsigned depth_in_handler;

static void on_signal(int sig)
{
	(void)sig;
	visit(depth_in_handler);
}

static CP_NOINLINE void handler_below(unsigned depth)
{
	if (draw(10)) {
		small(depth);
	} else {
		depth_in_handler = depth;
		raise(SIGUSR2);
	}
	AFTER();
}

static void call_at_random(unsigned of, unsigned deep, unsigned all)
{
	kinds = of;
	limit = deep;
	for (enough = all; walks < enough;)
		visit(draw(deep / 2));
}

static void test_same(void **state)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};

	(void)state;
	sigaction(SIGUSR2, &sa, NULL);
	call_at_random(PLAIN, 10, WALKS / 2);
	call_at_random(CP_ARRAY_LEN(nodes), DEEP, WALKS);
	assert_true(deepest > 100);
	assert_true(reused > WALKS / 4);
	assert_true(known > WALKS / 40);
	assert_int_equal(cp_loss_read(CP_LOSS_WALK_BAD_RULE), 0);
	assert_int_equal(cp_loss_read(CP_LOSS_WALK_NO_RULE), 0);
	assert_int_equal(cp_loss_read(CP_LOSS_WALK_BAD_CFA), 0);
	assert_int_equal(cp_loss_read(CP_LOSS_WALK_BAD_READ), 0);
}

/* --- made-up stacks --------------------------------------------------- */

/* Code that never runs: a place to return to under each kind of rule. */
#define PLACE(name, rules)                                                            \
	".globl " #name "\n.hidden " #name "\n.cfi_startproc\nnop\n" rules "\n" #name \
	":nop\nnop\n.cfi_endproc\n"

__asm__(".text\n" PLACE(at_sp8, "") PLACE(at_sp24, ".cfi_def_cfa_offset 24")
		PLACE(at_sp_fp, ".cfi_def_cfa_offset 24\n.cfi_offset rbp, -16")
			PLACE(at_fp_fp, ".cfi_def_cfa rbp, 16\n.cfi_offset rbp, -16")
				PLACE(at_fp, ".cfi_def_cfa rbp, 16")
	/* cfa = *(rbp - 8); rbp at rbp: as in realigned frames */
	PLACE(at_deref, ".cfi_escape 0x0f, 0x03, 0x76, 0x78, 0x06\n"
			".cfi_escape 0x10, 0x06, 0x02, 0x76, 0x00")
		PLACE(at_end, ".cfi_undefined rip")
	/* Before a function, and no call: as before __start_context */
	".globl at_edge\n.hidden at_edge\n.skip 8, 0x90\nat_edge: nop\n"
	".cfi_startproc\nnop\n.cfi_endproc\n");

extern const char at_sp8[], at_sp24[], at_sp_fp[], at_fp_fp[], at_fp[], at_deref[], at_end[],
	at_edge[];

#define WORDS 40
static uintptr_t stack[WORDS];

static uintptr_t draw_word(void)
{
	/* + 1: these are return addresses, looked up one lower. */
	const char *const place[] = {at_sp8, at_sp8,   at_sp24,	 at_sp_fp, at_sp_fp, at_fp_fp,
				     at_fp,  at_fp_fp, at_deref, at_end,   at_edge};

	if (draw(3))
		return (uintptr_t)place[draw(CP_ARRAY_LEN(place))] + 1;
	return (uintptr_t)&stack[draw(WORDS)];
}

static void compare_made_up(struct cp_thread *t, const struct cp_regs *r)
{
	cp_frame with[CP_WALK_MAX], without[CP_WALK_MAX];
	unsigned max = draw(8) ? CP_WALK_MAX : 1 + draw(20), n, m;
	bool cut_with, cut_without;

	n = cp_walk_caller(t, r, with, max, &cut_with);
	t->walking = 1;
	m = cp_walk_caller(t, r, without, max, &cut_without);
	t->walking = 0;
	compare(with, n, cut_with, without, m, cut_without);
	by_number(t, r);
}

/* Whatever changes between two walks, and however little, is seen. */
static void test_made_up(void **state)
{
	struct cp_thread t = {.state = CP_THREAD_READY,
			      .stack_lo = (uintptr_t)stack,
			      .stack_hi = (uintptr_t)&stack[WORDS]};
	struct cp_regs r;

	(void)state;
	known = 0;
	for (unsigned i = 0; i < 2000000; i++) {
		if (i % 64 == 0)
			for (unsigned k = 0; k < WORDS; k++)
				stack[k] = draw_word();
		for (unsigned k = draw(3); k; k--)
			stack[draw(WORDS)] = draw_word();
		if (i % 64 == 0 || draw(3) == 0)
			r = (struct cp_regs){(uintptr_t)at_sp8 + 1, (uintptr_t)&stack[draw(8)],
					     (uintptr_t)&stack[draw(WORDS)]};
		compare_made_up(&t, &r);
	}
	assert_true(known > 30000);
	assert_true(long_ago < known / 4);
}

/* A thread's memo goes back when it leaves, and a block in use is nobody else's. */
static void test_pool(void **state)
{
	struct cp_thread one = {.state = CP_THREAD_READY}, two = {.state = CP_THREAD_READY};
	struct cp_memo_walk w;

	(void)state;
	cp_memo_open(&w, &one, 1);
	assert_true(w.on);
	cp_memo_close(&w, &one, NULL, false);
	cp_memo_open(&w, &two, 1);
	assert_true(w.on);
	assert_ptr_not_equal(one.memo, two.memo);
	cp_memo_close(&w, &two, NULL, false);
	one.state = CP_THREAD_LEAVING;
	one.memo = NULL;
	cp_memo_open(&w, &one, 1);
	assert_false(w.on);
}

/* More threads than memos: a walk without one looks at a few places, not at all, and
 * yet a memo that comes free is found before long. */
static void test_crowd(void **state)
{
	static struct cp_thread crowd[2000];
	struct cp_thread late = {.state = CP_THREAD_READY};
	unsigned have = 0, looks = 0;
	struct cp_memo_walk w;

	(void)state;
	for (unsigned i = 0; i < CP_ARRAY_LEN(crowd); i++) {
		crowd[i].state = CP_THREAD_READY;
		cp_memo_open(&w, &crowd[i], 1);
		have += w.on;
		if (w.on)
			cp_memo_close(&w, &crowd[i], NULL, false);
	}
	assert_in_range(have, 100, CP_ARRAY_LEN(crowd) - 1);
	crowd[have / 2].memo->owner = NULL; /* far from where the search stands */
	do {
		cp_memo_open(&w, &late, 1);
		looks++;
	} while (!w.on && looks < have);
	assert_true(w.on);
	assert_in_range(looks, 2, have / 8 + 1);
	cp_memo_close(&w, &late, NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_crowd),
	};

	cp_thread_init();
	cp_loss_init();
	cp_walk_init(8 << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
