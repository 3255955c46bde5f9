/* SPDX-License-Identifier: MIT */
/*
 * test_govern.c - the budget's rule, and totals while rates move
 *
 * Context  TEST: the walkers are stand-ins that answer one frame.
 */
#include "agent/probe.h"
#include "agent/rt/ticks.h"
#include "agent/rt/timer.h"
#include "agent/sample/contend.h"
#include "agent/sample/family.h"
#include "agent/sample/govern.h"
#include "agent/sample/heap.h"
#include "agent/sample/loss.h"
#include "agent/sample/stack.h"
#include "agent/sample/threads.h"
#include "agent/sample/tick.h"
#include "agent/sample/waiters.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LOCK 0x7f0000001000UL
#define MS   1000000UL

unsigned cp_walk_caller(struct cp_thread *t, const struct cp_regs *r, cp_frame *out, unsigned max,
			bool *cut)
{
	(void)t;
	(void)max;
	*cut = false;
	out[0] = cp_frame_make(1, r->pc);
	return 1;
}

unsigned cp_walk_signal(struct cp_thread *t, const ucontext_t *uc, cp_frame *out, unsigned max,
			bool *cut)
{
	struct cp_regs r = {.pc = 0x5678};

	(void)uc;
	return cp_walk_caller(t, &r, out, max, cut);
}

/* --- the rule ---------------------------------------------------------------- */

static struct cp_govern_look look_at(uint64_t cpu, uint64_t heap)
{
	return (struct cp_govern_look){
		.cpu_ns = 1000 * MS,
		.cost_ns = {[CP_COST_CPU] = cpu, [CP_COST_HEAP] = heap},
		.most = {4, 20, 9, 9},
		.budget = 1000,
		.whole = true,
	};
}

static void the_dearest_goes_down(void **state)
{
	struct cp_govern_look l = look_at(4 * MS, 7 * MS);

	(void)state;
	assert_int_equal(cp_govern_decide(&l), 1);
	assert_int_equal(l.step[CP_COST_HEAP], 1);
	assert_int_equal(l.step[CP_COST_CPU], 0);
	l.step[CP_COST_HEAP] = 20; /* no further: then the next */
	assert_int_equal(cp_govern_decide(&l), 1);
	assert_int_equal(l.step[CP_COST_HEAP], 20);
	assert_int_equal(l.step[CP_COST_CPU], 1);
	l.whole = false; /* too little was spent to tell */
	assert_int_equal(cp_govern_decide(&l), 0);
}

static void a_kept_rate_is_nobodys_fault(void **state)
{
	struct cp_govern_look l = look_at(4 * MS, 700 * MS);

	(void)state;
	l.most[CP_COST_HEAP] = 0;
	assert_int_equal(cp_govern_decide(&l), 0);
	l.cost_ns[CP_COST_CPU] = 11 * MS;
	assert_int_equal(cp_govern_decide(&l), 1);
	assert_int_equal(l.step[CP_COST_CPU], 1);
}

static void the_lowest_goes_up_when_there_is_room(void **state)
{
	struct cp_govern_look l = look_at(1 * MS, 1 * MS);

	(void)state;
	assert_int_equal(cp_govern_decide(&l), 0); /* nothing is lowered */
	l.step[CP_COST_CPU] = 1;
	l.step[CP_COST_HEAP] = 3;
	assert_int_equal(cp_govern_decide(&l), -1);
	assert_int_equal(l.step[CP_COST_HEAP], 2);
	l.cost_ns[CP_COST_HEAP] = 3 * MS; /* between a quarter and all of it: as it is */
	assert_int_equal(cp_govern_decide(&l), 0);
	l.cost_ns[CP_COST_HEAP] = l.cost_ns[CP_COST_CPU] = 0;
	l.cpu_ns = 50 * MS; /* too short to tell */
	assert_int_equal(cp_govern_decide(&l), 0);
}

/* --- as it goes ---------------------------------------------------------------- */

/* All steps of its own at 0; the family's are as the last test left them. */
static int begin(uint8_t heap)
{
	const uint8_t most[CP_COST_RATES] = {4, heap, 9, 9};

	int r = cp_govern_init(1000, most);

	cp_govern_forks();
	return r;
}

static uint8_t heap_of_the_next(void)
{
	uint8_t step[CP_COST_RATES];

	cp_family_steps(step);
	return step[CP_COST_HEAP];
}

static void short_lives_are_judged_together(void **state)
{
	struct cp_govern_look dear = look_at(0, MS), cheap = look_at(0, 0);

	(void)state;
	assert_int_equal(begin(20), 0);
	dear.cpu_ns = cheap.cpu_ns = 10 * MS;
	cp_family_ended(&dear, 3 * MS);
	cp_family_ended(&dear, 3 * MS);
	assert_int_equal(heap_of_the_next(), 0); /* two tell too little */
	cp_family_ended(&dear, 3 * MS);
	assert_int_equal(heap_of_the_next(), 1);
	assert_int_equal(cp_govern_moves().lowered, 1);
	for (int i = 0; i < 9; i++)
		cp_family_ended(&dear, 3 * MS); /* they began before that */
	assert_int_equal(heap_of_the_next(), 1);
	assert_int_equal(cp_govern_moves().lowered, 1);
	dear.step[CP_COST_HEAP] = cheap.step[CP_COST_HEAP] = 1;
	cp_family_ended(&dear, 3 * MS); /* what was judged is not judged again */
	assert_int_equal(heap_of_the_next(), 1);
	cheap.cpu_ns = 400 * MS;
	cp_family_ended(&cheap, 3 * MS); /* and this with the last one */
	assert_int_equal(heap_of_the_next(), 0);
	assert_int_equal(cp_govern_moves().raised, 1);
}

static void burn(uint64_t ns)
{
	int64_t until = cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID) + (int64_t)ns;

	while (cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID) < until)
		;
}

static void lower_the_next(void)
{
	struct cp_govern_look dear = look_at(0, 20 * MS);

	cp_family_ended(&dear, 3 * MS);
	assert_int_equal(heap_of_the_next(), 1);
}

/* It spends next to nothing, from its first moment on. */
static void a_child_that_begins_lowered_comes_up(void **state)
{
	(void)state;
	assert_int_equal(cp_cost_init(), 0); /* nothing spent so far */
	assert_int_equal(begin(20), 0);
	lower_the_next();
	cp_govern_forked();
	assert_int_equal(cp_govern_step(CP_COST_HEAP), 1);
	for (int i = 0; i < 24 && cp_govern_step(CP_COST_HEAP); i++) {
		burn(100 * MS);
		cp_cost_add(CP_COST_HEAP, cp_cpu_ticks(), 1);
		usleep(200000);
	}
	assert_int_equal(cp_govern_step(CP_COST_HEAP), 0);
}

/* As a child gone wild may, or one that has turned against its parent. */
static void scribble_over_shared_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512];

	while (fgets(line, sizeof(line), maps))
		if (strstr(line, " rw-s ") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			memset((void *)from, 255, to - from);
	fclose(maps);
}

static void no_step_is_believed_blindly(void **state)
{
	(void)state;
	assert_int_equal(begin(20), 0);
	scribble_over_shared_memory();
	assert_int_equal(heap_of_the_next(), 255);
	cp_govern_forked();
	assert_int_equal(cp_govern_step(CP_COST_CPU), 4);
	assert_int_equal(cp_govern_step(CP_COST_HEAP), 20);
}

/* As if so many ms on the counter had been spent: ten times the budget, or nothing. */
static void spend(enum cp_cost what, unsigned ms)
{
	for (unsigned i = 0; i < ms * 10; i++)
		cp_cost_add(what, cp_cpu_ticks() - cp_ticks_in(MS / 10), 1);
}

static void rates_follow_the_cost(void **state)
{
	struct cp_govern_moves before;
	unsigned step;

	(void)state;
	assert_int_equal(begin(20), 0);
	before = cp_govern_moves(); /* the family's */
	spend(CP_COST_HEAP, 4);	    /* of a start: not judged */
	assert_int_equal(cp_govern_step(CP_COST_HEAP), 0);
	for (int i = 0; i < 20; i++)
		spend(CP_COST_HEAP, 10);
	step = cp_govern_step(CP_COST_HEAP);
	assert_in_range(step, 3, 20);
	assert_int_equal(cp_govern_moves().lowered, before.lowered + step);
	assert_int_equal(cp_govern_step(CP_COST_MUTEX), 0);
	for (int i = 0; i < 24 && cp_govern_step(CP_COST_HEAP) >= step; i++) {
		burn(100 * MS); /* a look by time comes some 2 s after the last */
		cp_cost_add(CP_COST_HEAP, cp_cpu_ticks(), 1);
		usleep(200000);
	}
	assert_int_equal(cp_govern_step(CP_COST_HEAP), step - 1);
	assert_int_equal(cp_govern_moves().raised, before.raised + 1);
}

/* --- what is measured ------------------------------------------------------------- */

/* Of so many: how many are measured, and for how many they count. */
static unsigned measure(struct cp_thread *t, unsigned n, unsigned *times)
{
	unsigned measured = 0;

	for (*times = 0; n; n--) {
		struct cp_cost_of cost = cp_cost_begin(t);

		measured += cost.began != 0;
		*times += cost.began ? cost.times : 0;
	}
	return measured;
}

static void first_ones_count_for_themselves(void **state)
{
	struct cp_thread thread = {.cost_turn = 77};
	unsigned times;

	(void)state;
	assert_int_equal(measure(&thread, CP_COST_FIRST, &times), CP_COST_FIRST);
	assert_int_equal(times, CP_COST_FIRST);
	assert_int_equal(measure(&thread, 256, &times), 256 / CP_COST_EVERY);
	assert_int_equal(times, 256);
}

/* --- totals ----------------------------------------------------------------------- */

static uintptr_t next_address = 1 << 20;

static uintptr_t allocate(size_t size)
{
	struct cp_regs caller = {.pc = 0x1234};
	uintptr_t p = next_address;

	next_address += 16;
	if (cp_probe_hit(size))
		cp_probe_alloc((void *)p, size, &caller);
	return p;
}

static struct cp_heap_row heap_total(void)
{
	struct cp_heap_row row, all = {0};
	struct cp_heap_counts now;

	for (uint32_t c = 0; c < cp_heap_cells(); c++) {
		cp_heap_read(c, &now);
		cp_heap_row(c, NULL, &now, &row);
		assert_true(row.inuse_objects >= 0 && row.inuse_bytes >= 0);
		all.alloc_objects += row.alloc_objects;
		all.alloc_bytes += row.alloc_bytes;
		all.inuse_objects += row.inuse_objects;
	}
	return all;
}

/* The rate doubles as it goes, from each allocation to one in thousands. Blocks that were
 * recorded at one step are freed at another. */
static void totals_stay_true(void **state)
{
	enum { N = 40000, STEPS = 12, SIZE = 64 };
	static uintptr_t block[N];
	struct cp_heap_row before = heap_total(), now;
	double n = N, q = -expm1(-(double)SIZE / (1 << STEPS)), sd = sqrt(n * (1 - q) / q);

	(void)state;
	assert_int_equal(begin(STEPS), 0);
	for (int i = 0; i < N; i++) {
		if (i % (N / STEPS / 2) == 0)
			spend(CP_COST_HEAP, 6); /* moves the step */
		block[i] = allocate(SIZE);
	}
	assert_int_equal(cp_govern_step(CP_COST_HEAP), STEPS);
	now = heap_total();
	assert_true(fabs((double)(now.alloc_objects - before.alloc_objects) - n) < 3 * sd);
	assert_true(fabs((double)(now.alloc_bytes - before.alloc_bytes) - n * SIZE) <
		    3 * sd * SIZE);
	for (int i = 0; i < N; i++)
		if (cp_probe_marked((void *)block[i]))
			cp_probe_free((void *)block[i]);
	assert_int_equal(heap_total().inuse_objects, before.inuse_objects);
}

/* Who waits stands for as many as at its toss, whatever the step is later. */
static void waiters_keep_their_weight(void **state)
{
	uint32_t one = cp_waiters_enter(LOCK, cp_ticks_now() - 1000, 0);
	uint32_t eight = cp_waiters_enter(LOCK, cp_ticks_now() - 1000, 3);
	struct cp_waited w = cp_waiters_charge(LOCK);

	(void)state;
	assert_int_equal(w.fresh, 9);
	assert_true(w.ticks >= 9 * 1000);
	cp_waiters_leave(LOCK, one);
	cp_waiters_leave(LOCK, eight);
}

/* A thread that slept while rates were raised still has its timer's long period. */
static void a_late_sample_is_what_was_due(void **state)
{
	struct sigaction act = {.sa_sigaction = cp_tick_on_signal, .sa_flags = SA_SIGINFO};
	struct cp_thread_slot *s = cp_threads_enter(cp_thread_ready(), 0);
	struct cp_tick_row row;
	sigset_t set;

	(void)state;
	assert_int_equal(begin(20), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPROF, &act, NULL);
	cp_tick_use_signal(SIGPROF);
	burn(120 * MS);
	s->step = 9; /* of 250 us: 128 ms */
	s->charged = (uint64_t)cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID) - 110 * MS;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	cp_tick_use_signal(0);
	assert_true(cp_tick_charged() >= 110 * MS);
	for (uint32_t c = 0; c < cp_tick_cells(); c++) {
		cp_tick_row(c, &row);
		assert_true(row.ns <= cp_tick_charged());
		assert_true(!row.ns || row.sid != cp_tick_synth(CP_SYNTH_SIGNALS_BLOCKED));
	}
}

static int set_up(void **state)
{
	const struct cp_contend_config all = {.fraction = 1, .rate = 1};

	(void)state;
	cp_thread_seed(1);
	burn(200 * MS); /* what is judged begins after it */
	return cp_thread_init() || cp_loss_init() || cp_stack_init(1 << 20) || cp_cost_init() ||
	       cp_threads_init(1 << 16) || cp_tick_init(4000, 1 << 20) ||
	       cp_contend_init(&all, 1 << 20) || cp_heap_init(1, 64 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dearest_goes_down),
		cmocka_unit_test(a_kept_rate_is_nobodys_fault),
		cmocka_unit_test(the_lowest_goes_up_when_there_is_room),
		cmocka_unit_test(first_ones_count_for_themselves),
		cmocka_unit_test(totals_stay_true),
		cmocka_unit_test(short_lives_are_judged_together),
		cmocka_unit_test(a_child_that_begins_lowered_comes_up),
		cmocka_unit_test(rates_follow_the_cost),
		cmocka_unit_test(waiters_keep_their_weight),
		cmocka_unit_test(a_late_sample_is_what_was_due),
		cmocka_unit_test(no_step_is_believed_blindly),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
