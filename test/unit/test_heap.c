/* SPDX-License-Identifier: MIT */
/*
 * test_heap.c - the sampler against known truth, seed by seed
 *
 * Context  TEST: cp_walk_caller is a stand-in that answers one frame. One thread, and long:
 *          not under the thread sanitizer.
 * Modes    fm-023 fm-098 fm-099
 * Why      The sampler is fed directly, so that a thousand seeds take a second and
 *          the error is the sampler's alone.
 */
#include "agent/probe.h"
#include "agent/sample/heap.h"
#include "agent/sample/live.h"
#include "agent/sample/loss.h"
#include "agent/sample/stack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SEEDS 1000
#define RATE  524288

unsigned cp_walk_caller(struct cp_thread *t, const struct cp_regs *r, cp_frame *out, unsigned max,
			bool *cut)
{
	(void)t;
	(void)max;
	*cut = false;
	out[0] = cp_frame_make(1, r->pc);
	return 1;
}

struct totals {
	double v[4]; /* alloc objects, alloc bytes, in-use objects, in-use bytes */
};

static struct totals totals(void)
{
	struct totals t = {{0}};

	for (uint32_t c = 0; c < cp_heap_cells(); c++) {
		struct cp_heap_counts now;
		struct cp_heap_row row;

		cp_heap_read(c, &now);
		cp_heap_row(c, NULL, &now, &row);
		assert_true(row.inuse_objects >= 0 && row.inuse_bytes >= 0);
		t.v[0] += (double)row.alloc_objects;
		t.v[1] += (double)row.alloc_bytes;
		t.v[2] += (double)row.inuse_objects;
		t.v[3] += (double)row.inuse_bytes;
	}
	return t;
}

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

static void release(uintptr_t p)
{
	if (cp_probe_marked((void *)p))
		cp_probe_free((void *)p);
}

/* A pattern of sizes, `times` over; every second block is freed. */
struct pattern {
	const char *name;
	unsigned nsizes, times;
	size_t size[8];
};

static void run_pattern(const struct pattern *p)
{
	for (unsigned i = 0; i < p->times; i++)
		for (unsigned k = 0; k < p->nsizes; k++) {
			uintptr_t block = allocate(p->size[k]);

			if (i % 2)
				release(block);
		}
}

static void truth(const struct pattern *p, double v[4], double var[4])
{
	for (unsigned k = 0; k < p->nsizes; k++) {
		double s = (double)p->size[k], q = -expm1(-s / RATE), n = p->times;

		v[0] += n;
		v[1] += n * s;
		v[2] += n / 2;
		v[3] += n / 2 * s;
		var[0] += n * (1 - q) / q;
		var[1] += n * s * s * (1 - q) / q;
		var[2] += n / 2 * (1 - q) / q;
		var[3] += n / 2 * s * s * (1 - q) / q;
	}
}

static void check_pattern(const struct pattern *p)
{
	double v[4] = {0}, var[4] = {0}, sum[4] = {0};

	truth(p, v, var);
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct totals before = totals(), after;

		/* Not a multiple of the generator's step: that would shift one sequence. */
		cp_self.rng = seed * 0xd1342543de82ef95ULL + 12345;
		cp_self.heap_left = 0; /* as a fresh thread: the first interval is random too */
		run_pattern(p);
		after = totals();
		for (int c = 0; c < 4; c++)
			sum[c] += after.v[c] - before.v[c];
	}
	for (int c = 0; c < 4; c++) {
		double error = fabs(sum[c] / SEEDS - v[c]), se = sqrt(var[c] / SEEDS);

		/* Rows are whole numbers: half an object, half a byte per row. */
		if (error > 3 * se + 0.01 * sqrt(v[c]))
			fail_msg("%s, column %d: off by %.3f, 3 se is %.3f", p->name, c, error,
				 3 * se);
	}
}

static void totals_are_unbiased(void **state)
{
	static const struct pattern patterns[] = {
		{"1 byte", 1, 20000, {1}},
		{"64 bytes", 1, 4000, {64}},
		{"mixed 64 and 64 Ki", 2, 200, {64, 65536}},
		{"99 small, 1 large", 8, 200, {64, 64, 64, 64, 64, 64, 64, 1048576}},
		{"periodic at the rate", 2, 100, {RATE, 1}},
		{"1 MiB", 1, 100, {1 << 20}},
		{"1 GiB", 1, 10, {1 << 30}},
		{"doubling", 8, 100, {16, 256, 4096, 16384, 65536, 262144, 524288, 8 << 20}},
	};

	(void)state;
	for (unsigned i = 0; i < CP_ARRAY_LEN(patterns); i++)
		check_pattern(&patterns[i]);
}

static void a_child_draws_anew(void **state)
{
	uint64_t parent_left;
	int status;
	pid_t pid;

	(void)state;
	cp_self.heap_left = 0;
	allocate(1);
	parent_left = cp_self.heap_left;
	pid = fork();
	if (pid == 0) {
		cp_heap_forked();
		allocate(1);
		_exit(cp_self.heap_left != parent_left && totals().v[0] == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void realloc_keeps_the_books(void **state)
{
	struct totals before, after;
	struct cp_live b;
	uintptr_t p;

	(void)state;
	before = totals();
	p = allocate((size_t)RATE * 60); /* sampled for certain: 1 - exp(-60) */
	b = cp_probe_take((void *)p);
	assert_int_equal(b.addr, p);
	assert_int_equal(cp_probe_take((void *)p).addr, 0);
	cp_probe_put_back(b);
	after = totals();
	assert_true(after.v[3] - before.v[3] == RATE * 60.0);
	cp_probe_drop(cp_probe_take((void *)p));
	after = totals();
	assert_true(after.v[3] == before.v[3] && after.v[2] == before.v[2]);
	cp_probe_free((void *)p); /* a second free finds nothing */
	after = totals();
	assert_true(after.v[3] == before.v[3]);
}

static void a_reused_address_retires_its_record(void **state)
{
	uint64_t stale = cp_loss_read(CP_LOSS_LIVE_STALE);
	struct totals before = totals(), after;
	uintptr_t p = allocate((size_t)RATE * 60);

	(void)state;
	next_address = p; /* freed where we could not see it */
	assert_int_equal(allocate((size_t)RATE * 50), p);
	after = totals();
	assert_int_equal(cp_loss_read(CP_LOSS_LIVE_STALE) - stale, 1);
	assert_true(after.v[3] - before.v[3] == RATE * 50.0);
	assert_true(after.v[1] - before.v[1] == RATE * 110.0);
	release(p);
}

static void failed_allocations_leave_no_record(void **state)
{
	struct totals before = totals(), after;
	struct cp_regs caller = {.pc = 0x1234};

	(void)state;
	for (int i = 0; i < 100; i++)
		if (cp_probe_hit(SIZE_MAX - 5))
			cp_probe_alloc(NULL, SIZE_MAX - 5, &caller);
	after = totals();
	assert_memory_equal(&before, &after, sizeof(before));
}

/* What is too much is not deducted: left is what an epoch and a first sight are known by. */
static void a_hit_takes_nothing(void **state)
{
	const uint64_t kept = cp_self.heap_left;

	(void)state;
	cp_self.heap_left = 10;
	assert_false(cp_probe_hit(0));
	assert_false(cp_probe_hit(9));
	assert_int_equal(cp_self.heap_left, 1);
	assert_true(cp_probe_hit(1));
	assert_true(cp_probe_hit(SIZE_MAX));
	assert_int_equal(cp_self.heap_left, 1);
	cp_self.heap_left = 0;
	assert_true(cp_probe_hit(0));
	assert_int_equal(cp_self.heap_left, 0);
	cp_self.heap_left = UINT64_MAX;
	assert_false(cp_probe_hit(SIZE_MAX - 1));
	assert_int_equal(cp_self.heap_left, 1);
	cp_self.heap_left = kept;
}

#ifdef __x86_64__
static struct {
	int step, at;
} trap;

static void allocate_meanwhile(int sig)
{
	(void)sig;
	if (trap.step++ == trap.at && cp_probe_hit(50))
		cp_self.heap_left = RATE; /* as drawn anew */
}

static CP_NOINLINE bool hits_twice(size_t n)
{
	return cp_probe_hit(n) && cp_probe_hit(n);
}

/* As realloc's slow path asks again. A handler comes between any two instructions in turn. */
static void a_hit_stays_one_after_a_handler(void **state)
{
	const uint64_t kept = cp_self.heap_left;
	bool twice;

	(void)state;
	signal(SIGTRAP, allocate_meanwhile);
	for (trap.at = 0; trap.at < 50; trap.at++) {
		trap.step = 0;
		cp_self.heap_left = 10;
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc");
		twice = hits_twice(100);
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory", "cc");
		assert_true(cp_self.heap_left <= RATE);
		assert_true(twice || cp_self.heap_left > 10);
	}
	assert_true(trap.step > 10);
	signal(SIGTRAP, SIG_DFL);
	cp_self.heap_left = kept;
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(a_hit_stays_one_after_a_handler),
#endif
		cmocka_unit_test(a_hit_takes_nothing),
		cmocka_unit_test(totals_are_unbiased),
		cmocka_unit_test(realloc_keeps_the_books),
		cmocka_unit_test(a_reused_address_retires_its_record),
		cmocka_unit_test(failed_allocations_leave_no_record),
		cmocka_unit_test(a_child_draws_anew),
	};

	cp_thread_seed(1);
	cp_thread_init();
	cp_loss_init();
	cp_stack_init(1 << 20);
	cp_heap_init(RATE, 64 << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
