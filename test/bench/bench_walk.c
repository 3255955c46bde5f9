/* SPDX-License-Identifier: MIT */
/*
 * bench_walk.c - ns per frame of the walker and of its rivals, on the same stacks
 * libs: -lunwind
 *
 * Context  TEST
 * Holds    Targets at depth 25: 5 ns where the last walk's tail is reused, 20 on
 *          rule-cache hits, 250 cold.
 * Why      A thousand generated functions of different frame sizes call each other
 *          without frame pointers, a second thousand with; each walker then takes the
 *          stack it stands on many times. Rounds alternate; figures are medians.
 *          libunwind exports a backtrace of its own: glibc's is asked for by name.
 */
#define UNW_LOCAL_ONLY
#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/rules.h"
#include "agent/sample/walk.h"

#include <dlfcn.h>
#include <libunwind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 15, WALKS = 300, FUNCTIONS = 1000, DEPTHS = 4 };
enum kind { FP, BACKTRACE, UNW_TRACE, UNW_STEP, REUSED, BRANCHES, HITS, COLD, FORGOTTEN, KINDS };

static const char *const names[KINDS] = {"frame pointers",	  "glibc backtrace()",
					 "unw_backtrace",	  "unw_step",
					 "ours, same stack",	  "ours, leaf side changes",
					 "ours, rule-cache hits", "ours, rules cold",
					 "ours, all forgotten"};
static const char *const keys[KINDS] = {"frame_pointers", "backtrace", "unw_backtrace",
					"unw_step",	  "reused",    "branches",
					"hits",		  "cold",      "forgotten"};
static const unsigned depths[DEPTHS] = {10, 25, 50, 110};

static struct {
	int (*backtrace)(void **, int);
	unsigned depth; /* of the stack being built */
	enum kind kind;
	double took; /* ns per frame, of the last measurement */
	uint64_t path;
	double all[DEPTHS][KINDS][ROUNDS];
} st;

static cp_frame frame[CP_WALK_MAX];
static void *address[CP_WALK_MAX];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* --- the walkers ------------------------------------------------------ */

static CP_NOINLINE unsigned by_frame_pointers(void)
{
	uintptr_t *fp = __builtin_frame_address(0), *next;
	unsigned n = 0;

	while (n < CP_WALK_MAX) {
		address[n++] = (void *)fp[1];
		next = (uintptr_t *)fp[0];
		if (next <= fp || (uintptr_t)next - (uintptr_t)fp > 4096)
			break;
		fp = next;
	}
	return n;
}

static CP_NOINLINE unsigned by_step(void)
{
	unw_context_t uc;
	unw_cursor_t c;
	unw_word_t pc;
	unsigned n = 0;

	unw_getcontext(&uc);
	unw_init_local(&c, &uc);
	while (n < CP_WALK_MAX && unw_step(&c) > 0) {
		unw_get_reg(&c, UNW_REG_IP, &pc);
		address[n++] = (void *)pc;
	}
	return n;
}

static CP_NOINLINE unsigned ours(void)
{
	struct cp_regs here = CP_CALLER_REGS();
	bool cut;

	return cp_walk_caller(&cp_self, &here, frame, CP_WALK_MAX, &cut);
}

/* As on a new address: the rules of this stack leave the cache, and places they had before. */
static void evict(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (uint32_t mask = cp_rules.most; mask > 1000; mask /= 4)
			cp_rule_place(cp_frame_addr(frame[i]), mask)->check = 0;
}

static inline __attribute__((always_inline)) unsigned once(enum kind kind)
{
	switch (kind) {
	case FP:
		return by_frame_pointers();
	case BACKTRACE:
		return (unsigned)st.backtrace(address, CP_WALK_MAX);
	case UNW_TRACE:
		return (unsigned)unw_backtrace(address, CP_WALK_MAX);
	case UNW_STEP:
		return by_step();
	default:
		return ours();
	}
}

/* Walks the stack it stands on; nested: no memo, as in a handler in a walk. */
__attribute__((noinline, optimize("no-omit-frame-pointer"))) static void measure(void)
{
	bool nested = st.kind == HITS || st.kind == COLD || st.kind == FORGOTTEN;
	double begin, spent = 0;
	unsigned n;

	cp_self.walking = nested;
	n = once(st.kind);
	begin = now();
	if (st.kind == COLD || st.kind == FORGOTTEN) {
		for (unsigned i = 0; i < WALKS; i++) {
			if (st.kind == COLD)
				evict(n);
			else
				cp_rules_forget();
			begin = now();
			once(st.kind);
			spent += now() - begin;
		}
	} else {
		for (unsigned i = 0; i < WALKS; i++)
			once(st.kind);
		spent = now() - begin;
	}
	cp_self.walking = 0;
	st.took = spent / WALKS / n;
}

/* --- the stacks ------------------------------------------------------- */

typedef void function(unsigned left);

static unsigned choose(void)
{
	st.path = st.path * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(st.path >> 33) % FUNCTIONS;
}

static function *table[2][FUNCTIONS];

static void go_on(unsigned left), go_on_framed(unsigned left);
#define BODY(n, next)                                               \
	{                                                           \
		char room[16 + 16 * ((n) % 13)];                    \
		__asm__ volatile("" ::"r"(room) : "rbx", "memory"); \
		next(left - 1);                                     \
		__asm__ volatile("" ::"r"(room) : "r12", "memory"); \
	}
#define FRAMED __attribute__((noinline, optimize("no-omit-frame-pointer")))
#define MAKE(n)                                                                \
	static CP_NOINLINE void plain_##n(unsigned left)                       \
		BODY(1##n, go_on) static FRAMED void framed_##n(unsigned left) \
			BODY(1##n, go_on_framed)
#define TEN(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7) m(n##8) m(n##9)
#define HUNDRED(m, n) \
	TEN(m, n##0)  \
	TEN(m, n##1)  \
	TEN(m, n##2)  \
	TEN(m, n##3) TEN(m, n##4) TEN(m, n##5) TEN(m, n##6) TEN(m, n##7) TEN(m, n##8) TEN(m, n##9)
#define ALL(m)        \
	HUNDRED(m, 0) \
	HUNDRED(m, 1) \
	HUNDRED(m, 2) \
	HUNDRED(m, 3) \
	HUNDRED(m, 4) HUNDRED(m, 5) HUNDRED(m, 6) HUNDRED(m, 7) HUNDRED(m, 8) HUNDRED(m, 9)
ALL(MAKE)
#define ENTER(n)                           \
	table[0][1##n - 1000] = plain_##n; \
	table[1][1##n - 1000] = framed_##n;

/* Where the leaf side changes: two chains of three calls in turn, below which
 * everything stays. What a call costs is part of it. */
static CP_NOINLINE unsigned leaf_c(void)
{
	unsigned n = ours();

	__asm__ volatile("" ::: "memory");
	return n;
}

static CP_NOINLINE unsigned leaf_b(void)
{
	unsigned n = leaf_c();

	__asm__ volatile("" ::: "memory", "rbx");
	return n;
}

static CP_NOINLINE unsigned leaf_a(unsigned which)
{
	unsigned n = which ? leaf_b() : leaf_c();

	__asm__ volatile("" ::: "memory", "r12");
	return n;
}

static CP_NOINLINE void measure_branches(void)
{
	unsigned n = leaf_a(0), frames = 0;
	double begin = now();

	for (unsigned i = 0; i < WALKS; i++)
		frames += leaf_a(i % 3 == 0);
	st.took = n ? (now() - begin) / frames : 0;
}

/* Every function comes back here for its next: one frame of two is this. */
#define GO_ON(left)                                           \
	{                                                     \
		if (left)                                     \
			table[st.kind == FP][choose()](left); \
		else if (st.kind == BRANCHES)                 \
			measure_branches();                   \
		else                                          \
			measure();                            \
		__asm__ volatile("" ::: "memory");            \
	}

static CP_NOINLINE void go_on(unsigned left) GO_ON(left) static FRAMED
	void go_on_framed(unsigned left) GO_ON(left)

		static double median(double *v)
{
	for (int i = 1; i < ROUNDS; i++)
		for (int k = i; k && v[k] < v[k - 1]; k--) {
			double t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
	return v[ROUNDS / 2];
}

static void run(void)
{
	for (unsigned r = 0; r < ROUNDS; r++)
		for (unsigned d = 0; d < DEPTHS; d++)
			for (unsigned k = 0; k < KINDS; k++) {
				st.kind = (enum kind)k;
				st.path = r * DEPTHS + d;
				(k == FP ? go_on_framed : go_on)((depths[d] - 5) / 2);
				st.all[d][k][r] = st.took;
			}
}

static void report(void)
{
	printf("walk, ns per frame, at depth");
	for (unsigned d = 0; d < DEPTHS; d++)
		printf("%9u", depths[d]);
	for (unsigned k = 0; k < KINDS; k++) {
		printf("\n  %-26s", names[k]);
		for (unsigned d = 0; d < DEPTHS; d++)
			printf("%9.2f", median(st.all[d][k]));
	}
	printf("\n");
	for (unsigned k = 0; k < KINDS; k++)
		printf("bench: walk_%s %.3g ns/frame\n", keys[k], st.all[1][k][ROUNDS / 2]);
}

/* A rule's own size, and what of the cache was touched: all of it at most, however many. */
static void report_memory(void)
{
	const size_t each = sizeof(cp_rules.entry[0]), size = ((size_t)cp_rules.most + 1) * each;
	static unsigned char page[1024];
	size_t resident = 0;

	if (size > sizeof(page) * CP_PAGE || mincore(cp_rules.entry, size, page))
		return;
	for (size_t i = 0; i < size / CP_PAGE; i++)
		resident += (page[i] & 1) * CP_PAGE;
	printf("bench: walk_rule_memory %zu bytes\n", each);
	printf("bench: walk_rules_resident %zu of %zu KB\n", resident >> 10, size >> 10);
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);

	*(void **)&st.backtrace = dlsym(libc, "backtrace");
	ALL(ENTER)
	cp_thread_init();
	cp_thread_ready();
	cp_loss_init();
	if (cp_walk_init(8 << 20) || !st.backtrace)
		return 1;
	run();
	report();
	report_memory();
	return 0;
}
