/* SPDX-License-Identifier: MIT */
/*
 * test_hammer.c - all of the agent at once: what threads record while snapshots are taken
 *
 * Context  TEST: threads do as the shim does; one takes snapshots, as the job would.
 * Modes    fm-028
 * Why      For the thread sanitizer above all: a field that two threads touch without an
 *          order between them is found whether or not it goes wrong. Timers are real, but
 *          their signals are taken by hand: a sanitizer's own handler calls ours too late.
 */
#include "agent/control/snapshot.h"
#include "agent/probe.h"
#include "agent/rt/atomic.h"
#include "agent/rt/timer.h"
#include "agent/sample/contend.h"
#include "agent/sample/heap.h"
#include "agent/sample/loss.h"
#include "agent/sample/made.h"
#include "agent/sample/tick.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <cmocka.h>

#define WORKERS	 3
#define ROUNDS	 1500
#define THREADS	 60
#define LOCKS	 4
#define ON_WAY	 64
#define SMALLEST 32 /* at a rate of 1, as good as certain to be recorded */

static struct {
	uintptr_t next_block;
	uintptr_t on_way[ON_WAY]; /* blocks that one thread has left for another to free */
	pthread_mutex_t lock[LOCKS];
	uint64_t made, waited, snapshots; /* the truth */
	uint32_t busy;			  /* threads that still record */
} st;

static uint64_t draw(uint64_t *r)
{
	*r = *r * 6364136223846793005ULL + 1442695040888963407ULL;
	return *r >> 33;
}

#define CALL_HERE() ((struct cp_call){(uintptr_t)draw, CP_CALLER_SP()})

/* --- what the shim does ---------------------------------------------------------- */

static CP_NOINLINE void *allocate(size_t size)
{
	struct cp_regs caller = CP_CALLER_REGS();
	void *p = (void *)cp_add_rlx(&st.next_block, 64);

	cp_add_rlx(&st.made, 1);
	if (cp_probe_hit(size))
		cp_probe_alloc(p, size, &caller);
	return p;
}

static void release(void *p)
{
	if (p && cp_probe_marked(p))
		cp_probe_free(p);
}

/* As realloc: it fails, or moves the block. */
static void *resize(void *p, size_t size, bool fails)
{
	struct cp_live was = cp_probe_marked(p) ? cp_probe_take(p) : (struct cp_live){0};

	if (fails) {
		cp_probe_put_back(was);
		return p;
	}
	cp_probe_drop(was);
	return allocate(size);
}

static void lock(pthread_mutex_t *m)
{
	struct cp_call call = CALL_HERE();
	struct cp_waiter w;

	if (!pthread_mutex_trylock(m))
		return;
	cp_probe_wait_begin(&w, call, CP_WAIT_MUTEX, m, NULL);
	pthread_mutex_lock(m);
	cp_probe_wait_end(&w, true);
	cp_add_rlx(&st.waited, 1);
}

static void unlock(pthread_mutex_t *m)
{
	struct cp_handover h = cp_probe_unlock_begin(m);
	struct cp_call call = CALL_HERE();

	pthread_mutex_unlock(m);
	if (h.hit)
		cp_probe_unlock_end(&h, call);
}

/* The signal of this thread's timer, if it is there. */
static void take_samples(void)
{
	static const struct timespec at_once = {0, 0};
	siginfo_t info;
	ucontext_t here;
	sigset_t prof;

	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	while (sigtimedwait(&prof, &info, &at_once) > 0) {
		getcontext(&here);
		cp_tick_on_signal(SIGPROF, &info, &here);
	}
}

/* --- threads ------------------------------------------------------------------------ */

static void one_round(uint64_t *r)
{
	pthread_mutex_t *m = &st.lock[draw(r) % LOCKS];
	void *p = allocate(SMALLEST + draw(r) % 5000);

	p = draw(r) % 4 ? p : resize(p, SMALLEST + draw(r) % 500, draw(r) % 2);
	lock(m);
	for (volatile unsigned i = 0; i < 2000; i++)
		;
	if (draw(r) % 32 == 0)
		sched_yield(); /* others come and wait */
	unlock(m);
	/* Who finds it there is ordered after who left it, as a real queue does. */
	release((void *)cp_xchg_acqrel(&st.on_way[draw(r) % ON_WAY], (uintptr_t)p));
	take_samples();
}

static void *work(void *arg)
{
	uint64_t r = (uintptr_t)arg;

	cp_agent_thread_begins((uintptr_t)work, 0);
	for (int i = 0; i < ROUNDS; i++)
		one_round(&r);
	cp_sub_rlx(&st.busy, 1);
	return NULL;
}

static void *work_a_little(void *arg)
{
	uint64_t r = (uintptr_t)arg;

	cp_agent_thread_begins((uintptr_t)work_a_little, (uint32_t)(uintptr_t)arg);
	for (int i = 0; i < 5; i++)
		one_round(&r);
	return NULL;
}

/* Threads come and go, and libraries. */
static void *make_threads(void *arg)
{
	struct cp_regs caller = CP_CALLER_REGS();
	struct cp_call call = CALL_HERE();

	(void)arg;
	cp_agent_thread_begins((uintptr_t)make_threads, 0);
	for (int i = 0; i < THREADS; i++) {
		uint32_t by = cp_agent_thread_making(&caller, (uintptr_t)work_a_little);
		struct cp_waiter w;
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, work_a_little, (void *)(uintptr_t)by), 0);
		cp_agent_thread_made(by);
		cp_agent_unload_begin();
		cp_agent_unload_end();
		cp_probe_wait_begin(&w, call, CP_WAIT_JOIN, (void *)t, NULL);
		pthread_join(t, NULL);
		cp_probe_wait_end(&w, true);
		cp_add_rlx(&st.waited, 1);
		take_samples();
	}
	cp_sub_rlx(&st.busy, 1);
	return NULL;
}

/* At most one job runs: windows and totals in turn. */
static void *take_snapshots(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "cprof"); /* as the job's, whose time is not the host's */
	do {
		struct cp_snapshot totals = {.last = true}; /* which waits for no disk */
		struct cp_window window = {0};

		assert_int_equal(cp_window_open(&window, (struct cp_request){0}, 8 << 20), 0);
		cp_snapshot_take(&totals);
		totals.window = &window;
		cp_snapshot_take(&totals);
		cp_window_close(&window);
		st.snapshots += 2;
	} while (cp_load_rlx(&st.busy));
	return NULL;
}

static void run_all(void)
{
	void *(*const what[])(void *) = {work, work, work, make_threads, take_snapshots};
	pthread_t t[CP_ARRAY_LEN(what)];

	st.busy = CP_ARRAY_LEN(what) - 1;
	for (uintptr_t i = 0; i < CP_ARRAY_LEN(what); i++)
		assert_int_equal(pthread_create(&t[i], NULL, what[i], (void *)(i + 1)), 0);
	for (unsigned i = 0; i < CP_ARRAY_LEN(what); i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < ON_WAY; i++)
		release((void *)st.on_way[i]);
}

/* --- what is in the books then ------------------------------------------------------- */

static void heap_is_right(void)
{
	struct cp_heap_row all = {0};

	for (uint32_t c = 0; c < cp_heap_cells(); c++) {
		struct cp_heap_counts now;
		struct cp_heap_row row;

		cp_heap_read(c, &now);
		cp_heap_row(c, NULL, &now, &row);
		all.alloc_objects += row.alloc_objects;
		all.inuse_objects += row.inuse_objects;
		all.inuse_bytes += row.inuse_bytes;
	}
	assert_int_equal(all.alloc_objects, st.made);
	assert_int_equal(all.inuse_objects, 0);
	assert_int_equal(all.inuse_bytes, 0);
}

static void waits_are_right(void)
{
	uint64_t all = 0;

	for (uint32_t c = 0; c < cp_contend_cells(CP_CONTEND_BLOCK); c++) {
		struct cp_contend_counts now;
		struct cp_contend_row row;

		cp_contend_read(CP_CONTEND_BLOCK, c, &now);
		cp_contend_row(CP_CONTEND_BLOCK, c, NULL, &now, &row);
		all += (uint64_t)row.contentions;
	}
	assert_true(all > 0);
	assert_int_equal(all, st.waited);
}

static void threads_are_right(void)
{
	uint64_t made = 0, left = 0;

	for (uint32_t c = 0; c < cp_made_cells(); c++) {
		uint64_t m, l;
		cp_sid sid;

		cp_made_row(c, &sid, &m, &l);
		made += m;
		left += l;
	}
	assert_int_equal(made, THREADS);
	assert_int_equal(left, THREADS);
}

/* Who was joined is still on his way out, and while he runs the process's clock knows less of
 * his time than his own told. */
static uint64_t process_ns(void)
{
	static const struct timespec way_out = {0, 20000000};

	nanosleep(&way_out, NULL);
	return (uint64_t)cp_timer_cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void everything_at_once(void **state)
{
	static const enum cp_loss never[] = {
		CP_LOSS_STACKS_FULL, CP_LOSS_CELLS_FULL,   CP_LOSS_LIVE_FULL,	 CP_LOSS_LIVE_STALE,
		CP_LOSS_LATE_START,  CP_LOSS_THREADS_FULL, CP_LOSS_MODULES_FULL, CP_LOSS_NO_TIMER,
	};
	uint64_t cpu;

	(void)state;
	run_all();
	heap_is_right();
	waits_are_right();
	threads_are_right();
	cpu = process_ns();
	assert_in_range(cp_tick_charged(), cpu / 2, cpu);
	for (unsigned i = 0; i < CP_ARRAY_LEN(never); i++)
		assert_int_equal(cp_loss_read(never[i]), 0);
	print_message("%lu blocks, %lu waits, %lu snapshots\n", st.made, st.waited, st.snapshots);
}

static int set_up(void **state)
{
	static const char *const vars[] = {
		"CPROF_HEAP_RATE=1",	"CPROF_BLOCK_RATE=1", "CPROF_MUTEX_FRACTION=1",
		"CPROF_CPU_HZ=1000",	"CPROF_KEEP=2",	      "CPROF_LINES=0",
		"CPROF_LOG=hammer.log",
	};
	sigset_t prof;

	(void)state;
	for (unsigned i = 0; i < CP_ARRAY_LEN(vars); i++)
		if (putenv((char *)vars[i]))
			return -1;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&st.lock[i], NULL);
	st.next_block = 1 << 20;
	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	sigprocmask(SIG_BLOCK, &prof, NULL);
	cp_agent_init();
	cp_agent_start();
	return cp_agent_samples_heap() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once)};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
