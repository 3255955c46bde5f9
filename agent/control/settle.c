/* SPDX-License-Identifier: MIT */
/*
 * settle.c - makes the cpu counters equal the kernel's, before they are read
 *
 * Context  CONTROL, on the job's thread; cp_settle_forked: FORK
 * Calls    tasks.c, share.c, sample/tick.h, sample/threads.h.
 * Shared   st.life, in a page a forked child finds zeroed: written by who is inside
 *          (busy.h), the agent's own threads only.
 * Holds    The process's clock is read first and each thread's later, so that what the
 *          threads have in the counters can't fall short of it by time that
 *          passed meanwhile. Whatever the counters lack of it was spent by threads
 *          that came and went unseen, or is the way out of those that ended.
 * Fails    Without /proc threads made behind our back stay unseen: their time is in
 *          the total, as `[threads gone]`.
 * Why      Threads found here may be on their way out, with their time settled: so
 *          they are given what the counters lack, and no more.
 */
#include "settle.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/sort.h"
#include "../rt/timer.h"
#include "../sample/cost.h"
#include "../sample/stack.h"
#include "../sample/tick.h"
#include "busy.h"
#include "share.h"
#include "tasks.h"
#include "ticker.h"

#include <errno.h>
#include <string.h>

struct life {
	int64_t real_ns, mono_ns;	    /* where the profile under way begins */
	int64_t settled_real, settled_mono; /* the last settling */
	uint32_t busy;			    /* somebody settles */
};

struct settling {
	uint32_t tid[CP_THREADS_MAX]; /* of the threads that have a slot */
	uint32_t ntids;
	uint64_t lacking; /* what the counters lack of the process's clock */
};

static struct {
	struct life *life;
} st;

void cp_settle_forked(void)
{
	st.life->real_ns = cp_now_ns(CLOCK_REALTIME);
	st.life->mono_ns = cp_now_ns(CLOCK_MONOTONIC);
}

int cp_settle_init(void)
{
	st.life = cp_mem_wiped(sizeof(*st.life));
	if (!st.life)
		return -ENOMEM;
	cp_settle_forked();
	return 0;
}

/* CPU time nobody was asked about: is the thread deaf to our signal? */
static cp_sid where(const struct cp_thread_slot *s, uint64_t due)
{
	if (due <= cp_tick_limit(s) || !cp_tasks_blocks(s->tid, cp_tick_signal()))
		return CP_SID_NONE;
	return cp_tick_synth(CP_SYNTH_SIGNALS_BLOCKED);
}

static void settle_known(struct settling *w)
{
	struct cp_thread_slot *s;
	uint32_t at = 0;

	while ((s = cp_threads_next(&at))) {
		/* First what is charged, then the clock, which is never behind that. */
		uint64_t charged = cp_load_acq(&s->charged); /* acq: before the system call */
		int64_t cpu = cp_timer_cpu_ns(cp_timer_clock(s->tid));

		if (cpu < 0 || (uint64_t)cpu < charged || cp_tick_lost(s)) {
			/* gone without a word, or another one by the same number */
			cp_threads_release(s, true);
			continue;
		}
		w->tid[w->ntids++] = s->tid;
		cp_tick_settle(s, (uint64_t)cpu, where(s, (uint64_t)cpu - charged));
		cp_tick_arm(s);
		cp_threads_release(s, false);
		if (w->ntids % CP_SHARE_FEW == 0)
			cp_share_claim();
	}
}

void cp_settle_own(void)
{
	int64_t cpu = cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	struct cp_thread *t = &cp_self; /* this thread's own: job.c makes it */

	if (cpu < 0)
		return;
	cp_cost_add_ns(CP_COST_THREADS, (uint64_t)cpu - t->own_ns);
	if (cp_tick_period())
		cp_tick_charge(cp_tick_synth(CP_SYNTH_CPROF), 0, (uint64_t)cpu - t->own_ns);
	t->own_ns = (uint64_t)cpu;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool has_slot(const struct settling *w, uint32_t tid)
{
	uint32_t lo = 0, hi = w->ntids;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (w->tid[mid] < tid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->ntids && w->tid[lo] == tid;
}

/* A thread that nobody told us of: from here on it has a slot and a timer. */
static void meet(void *ctx, uint32_t tid)
{
	struct settling *w = ctx;
	struct cp_thread_slot *s;
	char name[16] = {0};
	uint64_t due;
	int64_t cpu;

	if (has_slot(w, tid))
		return;
	cp_tasks_name(tid, name);
	if (cp_tasks_is_own(tid, name)) /* these settle their own time */
		return;
	cpu = cp_timer_cpu_ns(cp_timer_clock(tid));
	s = cpu < 0 ? NULL : cp_threads_adopt(tid, (uint64_t)cpu);
	if (!s)
		return;
	cp_tick_name(s, name);
	due = CP_MIN((uint64_t)cpu, w->lacking);
	w->lacking -= due;
	cp_tick_charge(where(s, due), s->label, due);
	cp_tick_arm(s);
	cp_threads_release(s, false);
}

static void settle_all(struct settling *w)
{
	int64_t process = cp_timer_cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t charged;

	st.life->settled_real = cp_now_ns(CLOCK_REALTIME);
	st.life->settled_mono = cp_now_ns(CLOCK_MONOTONIC);
	cp_ticker_check();
	settle_known(w);
	cp_settle_own();
	charged = cp_tick_charged();
	w->lacking = process > 0 && (uint64_t)process > charged ? (uint64_t)process - charged : 0;
	cp_sort(w->tid, w->ntids, sizeof(w->tid[0]), compare);
	cp_tasks_each(meet, w);
	cp_tick_charge(cp_tick_synth(CP_SYNTH_THREADS_GONE), 0, w->lacking);
}

void cp_settle_all(void)
{
	struct cp_arena arena = {.stays = true};
	struct settling *w;

	if (!cp_tick_period())
		return;
	w = cp_arena_alloc(&arena, sizeof(*w));
	if (w) {
		cp_busy_enter(&st.life->busy); /* two that add up what is lacking charge it twice */
		settle_all(w);
		cp_busy_leave(&st.life->busy);
	}
	cp_arena_release(&arena);
}

void cp_settle_span(int64_t *time_ns, int64_t *duration_ns)
{
	const struct life *l = st.life;

	if (!l->mono_ns) /* a child whose making we did not see */
		cp_settle_forked();
	*time_ns = l->real_ns;
	*duration_ns = CP_MAX(l->settled_mono - l->mono_ns, (int64_t)1);
}

void cp_settle_written(void)
{
	st.life->real_ns = st.life->settled_real;
	st.life->mono_ns = st.life->settled_mono;
	cp_tick_written();
}
