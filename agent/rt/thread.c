/* SPDX-License-Identifier: MIT */
/*
 * thread.c - what the agent knows of the thread it runs on
 *
 * Context  ANY, as thread.h says of each.
 * Calls    getauxval; pthread_key_create, pthread_setspecific (for one of the first 32 keys
 *          glibc 2.36 stores in the thread block itself: no allocation).
 * Shared   st.life: in a page a forked child finds zeroed. epoch is claimed by
 *          CAS, ordinal is a relaxed count.
 * Holds    life->epoch == 0 only in a child nobody of ours has run in yet.
 * Fails    No wiped page: epochs stay 1, and a forked child is not told apart;
 *          cp_thread_init says so and the agent stays inert.
 * Why      A generation word the kernel zeroes sees every kind of fork, _Fork and
 *          raw clone included; pthread_atfork sees one.
 */
#include "thread.h"

#include "atomic.h"
#include "mathx.h"
#include "mem.h"
#include "sys.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

/* glibc keeps this many keys inside the thread block. */
#define FIRST_KEYS 32
/* The kernel keeps at least 128 MB below the main stack free. */
#define MAIN_STACK_MAX (64UL << 20)

/* The main thread's frames end here; set by ld.so before anything of ours runs. */
extern void *__libc_stack_end __attribute__((weak));

struct life {
	uint32_t epoch;
	uint32_t ordinal; /* threads met in this life */
};

__thread struct cp_thread cp_self __attribute__((tls_model("initial-exec")));

static struct life first_life = {.epoch = 1};

static struct {
	struct life *life;
	uint32_t last_epoch; /* of the parent, in a child: inherited, not wiped */
	uint64_t seed;
	bool seed_fixed;
	bool have_key;
	pthread_key_t key;
	uintptr_t main_lo; /* how far down the main thread's stack may grow */
	unsigned leavers;
	cp_thread_leave_fn *on_leave[CP_THREAD_LEAVERS];
} st CP_WARM = {.life = &first_life, .last_epoch = 1};

static void thread_leaves(void *arg)
{
	struct cp_thread *t = &cp_self;

	if (arg != t)
		return; /* the host's, for a key that it never made */
	t->state = CP_THREAD_LEAVING;
	cp_fence_signal(); /* a handler of ours must not take a memo from here on */
	for (unsigned i = 0; i < st.leavers; i++)
		st.on_leave[i](t);
}

static size_t main_stack_size(void)
{
	struct rlimit lim;

	if (CP_SYS(SYS_prlimit64, 0, RLIMIT_STACK, 0, &lim) < 0 || lim.rlim_cur > MAIN_STACK_MAX)
		return MAIN_STACK_MAX;
	return lim.rlim_cur & ~(CP_PAGE - 1);
}

/* The kernel counts from the end of the mapping, which lies above what it has put there: the last
 * are the path that was executed, and a word. */
static uintptr_t main_stack_top(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	return path ? CP_ALIGN_UP((uintptr_t)path + strlen(path) + 1 + sizeof(long), CP_PAGE) : 0;
}

/* 0: there is none that we know. */
static uintptr_t main_stack_lo(void)
{
	uintptr_t top = main_stack_top(), size = main_stack_size();

	return top > size ? top - size : 0;
}

/* The highest key whose values need no memory: the host's keep their numbers, and their
 * destructors run before ours. */
static void make_key(void)
{
	pthread_key_t key[FIRST_KEYS + 1];
	int n = 0;

	while (pthread_key_create(&key[n], thread_leaves) == 0)
		if (key[n++] >= FIRST_KEYS) {
			pthread_key_delete(key[--n]);
			break;
		}
	st.have_key = n;
	if (n)
		st.key = key[--n];
	while (n)
		pthread_key_delete(key[--n]);
}

int cp_thread_init(void)
{
	struct life *life = cp_mem_wiped(sizeof(*life));

	if (!life)
		return -ENOMEM;
	life->epoch = 1;
	life->ordinal = first_life.ordinal;
	st.life = life;
	st.main_lo = main_stack_lo();
	if (!st.seed_fixed &&
	    CP_SYS(SYS_getrandom, &st.seed, sizeof(st.seed), 1 /* NONBLOCK */) < 0)
		st.seed = (uint64_t)cp_now_ns(CLOCK_MONOTONIC) ^ (uintptr_t)life;
	make_key();
	return 0;
}

void cp_thread_seed(uint64_t seed)
{
	st.seed = seed;
	st.seed_fixed = true;
}

void cp_thread_on_leave(cp_thread_leave_fn *fn)
{
	if (st.leavers < CP_THREAD_LEAVERS)
		st.on_leave[st.leavers++] = fn;
}

void cp_epoch_soon(void)
{
	CP_SOON(st.life);
}

uint32_t cp_epoch(void)
{
	uint32_t e = cp_load_rlx(&st.life->epoch);

	if (CP_LIKELY(e))
		return e;
	/* The first of ours to run in a forked child. A handler may be the other. */
	if (cp_cas_rlx(&st.life->epoch, &e, st.last_epoch + 1)) {
		st.last_epoch++;
		return st.last_epoch;
	}
	return e;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint64_t cp_thread_random(struct cp_thread *t)
{
	return mix(t->rng += 0x9e3779b97f4a7c15ULL);
}

uint64_t cp_thread_below(struct cp_thread *t, uint64_t n)
{
	return (uint64_t)((unsigned __int128)cp_thread_random(t) * n >> 64);
}

double cp_thread_chance(struct cp_thread *t)
{
	return (double)((cp_thread_random(t) >> 11) + 1) * 0x1p-53;
}

uint64_t cp_thread_until(struct cp_thread *t, double mean)
{
	return (uint64_t)(-cp_ln(cp_thread_chance(t)) * mean) + 1;
}

/* Each thread of each life draws its own sequence; with a fixed seed the
 * sequences are the same in every run, thread by thread in order of meeting. */
static uint64_t first_state(uint32_t epoch)
{
	uint64_t who = (uint64_t)epoch << 32 | cp_add_rlx(&st.life->ordinal, 1);

	if (!st.seed_fixed)
		who ^= (uint64_t)cp_sys_getpid() << 20;
	return mix(st.seed + mix(who));
}

static void find_main_stack(struct cp_thread *t)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uintptr_t end = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;

	if (sp < end && st.main_lo && sp > st.main_lo) {
		t->stack_lo = st.main_lo;
		t->stack_hi = end;
	}
}

static CP_COLD void meet(struct cp_thread *t, uint32_t epoch)
{
	bool first = t->epoch == 0;

	t->rng = first_state(epoch);
	t->cost_turn = (uint8_t)t->rng;
	t->cost_met = 0;
	t->walking = 0;
	t->epoch = epoch;
	t->tid = (uint32_t)cp_sys_gettid();
	t->slot = 0;
	if (!first)
		return; /* a fork lies between: the stack is the same one, copied */
	if (!t->stack_hi && t->tid == (uint32_t)cp_sys_getpid())
		find_main_stack(t);
	if (st.have_key && t->state == CP_THREAD_NEW && pthread_setspecific(st.key, t) == 0)
		t->state = CP_THREAD_READY;
}

struct cp_thread *cp_thread_ready(void)
{
	struct cp_thread *t = &cp_self;
	uint32_t epoch = cp_epoch();

	if (CP_UNLIKELY(t->epoch != epoch))
		meet(t, epoch);
	return t;
}

void cp_thread_set_stack(size_t size)
{
	uintptr_t top = cp_thread_pointer();

	/* Two pages are given away: the block's bottom is not known to the byte,
	 * and lies at most the thread block's size above top - size. */
	if (size <= 2 * CP_PAGE)
		return;
	cp_self.stack_lo = top - size + 2 * CP_PAGE;
	cp_self.stack_hi = top;
}
