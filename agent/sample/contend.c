/* SPDX-License-Identifier: MIT */
/*
 * contend.c - who waits (block) and who makes others wait (mutex)
 *
 * Context  HOST: the cp_probe_ functions      EARLY: cp_contend_init
 *          CONTROL: the readers
 * Calls    rt, waiters.h, and the walker. errno is never touched.
 * Shared   cp_waits_on: rel by cp_contend_init / acq by cp_probe_waits, and off
 *          for good by cp_contend_stop, as st.kinds (relaxed) is;
 *          cp_io_interest (probe.h).
 * Holds    block: a wait of d ns is recorded with probability p = min(1, d/rate) and
 *          weight 1/p, for the stack of who waited, when it is over. One that a reading finds
 *          under way for as long as is always recorded is charged there and then with its time
 *          so far, in a cell of its own (the label of that says so), and at its end with the
 *          rest: it counts once, with all its time, at any rate.
 *          mutex: 1 in `fraction` waits is published before it begins; each unlock
 *          meanwhile takes the time since the one before, times fraction, and the
 *          first of them the contention: so a wait counts once, and its time up to
 *          the last unlock is somebody's, once.
 * Fails    Every full table charges [table full], or is counted (loss.h).
 * Why      Who comes back from a wait finds his caches cold, and is often waited for himself,
 *          so next to nothing is done for a wait that isn't recorded. As with the heap, a
 *          countdown without memory tells which may be: it runs twice as fast as it need, and
 *          what it lets through is thinned out to p (or less, where it was drawn for a lower
 *          rate: then that is what the weight is made of). Waits as long as `brief` don't ask it.
 *          All that a thread touches then of its own is one line (waiting.h), and little stack.
 *          The leaf of such a stack is the function that waits or unlocks: a reader
 *          asks "in what", and it's what Go shows.
 *          A reading charges, rather than show, what is under way: else the wait's end,
 *          which comes between any two instructions of the reading, would be missed or
 *          found twice; and a difference of two readings would be negative there.
 */
#include "contend.h"

#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/mathx.h"
#include "../rt/ticks.h"
#include "contend_cells.h"
#include "govern.h"
#include "lockid.h"
#include "sofar.h"
#include "threads.h"
#include "waiters.h"

/* Who has waited so long may have been met by a reading. */
#define AWHILE (CP_SOFAR_LEAST / 2.0)

static struct {
	uint32_t kinds; /* those below this one are recorded */
	uint64_t brief; /* ticks: a shorter wait is asked for by the countdown */
	uint64_t fraction, rate;
} st CP_HOT;

bool cp_waits_on CP_HOT;
uint32_t cp_io_interest CP_HOT;
__thread struct cp_waiting cp_waiting __attribute__((tls_model("initial-exec")));

uint64_t cp_contend_fraction(void)
{
	return st.fraction;
}

uint64_t cp_contend_rate(void)
{
	return st.rate;
}

/* --- recording ---------------------------------------------------------- */

static uint64_t block_rate(void)
{
	return st.rate << cp_govern_step(CP_COST_BLOCK);
}

/* What a countdown is drawn with, in ticks. 0: it is too early to tell how long one is, or all
 * are to be recorded. */
static uint64_t mean_at(unsigned step)
{
	return st.rate > 1 ? cp_ticks_in(st.rate << step) / 2 : 0;
}

/* Without a countdown all waits are considered; so is a handler's that comes meanwhile. */
static void arm(struct cp_thread *t)
{
	uint8_t step = (uint8_t)cp_govern_step(CP_COST_BLOCK);
	uint64_t mean = mean_at(step), brief = CP_MIN(mean, cp_ticks_in((uint64_t)AWHILE));

	cp_store_rlx(&cp_waiting.left, 0UL);
	cp_fence_signal();
	cp_waiting.step = step;
	cp_fence_signal();
	if (mean)
		cp_store_rlx(&cp_waiting.left, cp_thread_until(t, (double)mean));
	if (cp_load_rlx(&st.brief) != brief)
		cp_store_rlx(&st.brief, brief);
}

/* Siblings that went on with their parent's would sample the same waits, all or none. */
void cp_contend_forked(void)
{
	cp_store_rlx(&cp_waiting.left, 0UL);
	cp_waiting.lock_left = 0;
}

/* How many of the waits that took so long come to be considered, with so much left. */
static double share(uint64_t took, uint64_t left, uint64_t brief)
{
	uint64_t mean = mean_at(cp_waiting.step);

	if (!left || took >= brief)
		return 1;
	return cp_one_minus_exp((double)took / (double)CP_MAX(mean, 1UL));
}

/* Of a wait that is considered, as `met` of its like are. False: not this one. */
static bool weigh(struct cp_thread *t, double ns, double met, struct cp_contend_counts *add)
{
	double p = CP_MIN(met, ns / (double)block_rate());

	add->count = (uint64_t)((1 << CP_CONTEND_SHIFT) / p);
	add->ns = (uint64_t)(ns / p);
	return cp_thread_chance(t) <= p / met;
}

/* What readings left of a long wait. False: they didn't meet it. */
static bool is_rest(const struct cp_thread *t, const struct cp_waiter *w,
		    struct cp_contend_counts *add)
{
	const struct cp_thread_slot *s = cp_threads_of(t);
	struct cp_sofar rest;

	if (!s || w->within)
		return false;
	cp_fence_seq(); /* who reads a clock after ours finds that this wait is over */
	rest = cp_sofar_end(cp_threads_number(s), w->began, cp_ticks_now());
	*add = (struct cp_contend_counts){0, (uint64_t)cp_ticks_lasted(rest.ticks)};
	return !rest.first;
}

static void weigh_in(const struct cp_waiter *w, int64_t took, uint64_t left, uint64_t brief)
{
	struct cp_thread *t = cp_thread_ready();
	struct cp_contend_counts add;
	struct cp_cost_of cost;
	double met, ns;

	met = share((uint64_t)CP_MAX(took, 1L), left, brief);
	arm(t);
	ns = CP_MAX(cp_ticks_lasted((uint64_t)took), 1.0);
	if (!(ns >= AWHILE && is_rest(t, w, &add)) && !weigh(t, ns, met, &add))
		return;
	cost = cp_cost_begin(t);
	cp_contend_record(t, CP_CONTEND_BLOCK, w->call, cp_contend_lock_of(w->kind, w->object),
			  &add);
	cp_cost_end(CP_COST_BLOCK, cost);
}

/* took: less than nothing where another core's counter lags, or it is forbidden meanwhile. */
static CP_NOINLINE void consider(const struct cp_waiter *w, int64_t took, uint64_t left,
				 uint64_t brief)
{
	uint64_t floats = cp_cpu_floats_begin();

	if (took >= 0)
		weigh_in(w, took, left, brief);
	cp_cpu_floats_end(floats);
}

/* --- waits ---------------------------------------------------------------- */

static bool is_own_stack(uintptr_t sp)
{
	return sp - cp_self.stack_lo < cp_self.stack_hi - cp_self.stack_lo;
}

/* A wait whose frame lies where this one's does, or below, was jumped out of; so was one whose
 * frame has gone, and another lies there. One on another stack may be what a handler on its
 * own stack interrupted. */
static bool is_stale(const struct cp_wait *w, uintptr_t sp)
{
	if (is_own_stack(w->sp) != is_own_stack(sp))
		return false;
	return w->sp <= sp || (is_own_stack(sp) && !cp_wait_is_of(w, cp_wait_record(w)));
}

static void end_stale(void)
{
	cp_waiters_leave(cp_waiting.said.object, cp_waiting.said.ticket);
	cp_wait_say_nothing();
}

/* A wait it was cancelled in is over. */
static void thread_leaves(struct cp_thread *t)
{
	(void)t;
	if (cp_waiting.said.kind)
		end_stale();
}

/* May somebody else end it by unlocking, and be charged? */
static bool is_lock(enum cp_wait_kind kind)
{
	return kind == CP_WAIT_MUTEX || kind == CP_WAIT_RWLOCK_RD || kind == CP_WAIT_RWLOCK_WR ||
	       kind == CP_WAIT_ONCE || kind == CP_WAIT_FUTEX;
}

/* Another wait is on record: kept for wait_end, unless it is over. Half written (seq is odd)
 * its sp is an older one's: we are a handler, and it goes on. */
static CP_NOINLINE bool interrupts(struct cp_waiter *w, uintptr_t sp)
{
	if (!(cp_waiting.said.seq & 1) && is_stale(&cp_waiting.said, sp))
		end_stale();
	w->outer = cp_waiting.said;
	return w->outer.kind;
}

/* Rare, and long: out of wait_end's way. */
static CP_NOINLINE void goes_on(const struct cp_wait *w)
{
	cp_wait_say(w);
}

/* Waits till the next one that is published: geometric, an exponential rounded up. */
static void arm_locks(struct cp_thread *t)
{
	double n;

	cp_waiting.lock_step = (uint8_t)cp_govern_step(CP_COST_MUTEX);
	n = (double)(st.fraction << cp_waiting.lock_step);
	cp_waiting.lock_left = (uint32_t)CP_MIN(
		cp_thread_until(t, n > 1 ? -1 / cp_ln(1 - 1 / n) : 0), (uint64_t)UINT32_MAX);
}

/* The countdown is over, or there is none yet; and we hear of the thread when it leaves. */
static CP_NOINLINE uint32_t publish(uintptr_t lock, uint64_t now)
{
	struct cp_thread *t = cp_thread_ready();
	bool drawn = cp_waiting.lock_left;
	unsigned step = drawn ? cp_waiting.lock_step : cp_govern_step(CP_COST_MUTEX);
	uint64_t floats = cp_cpu_floats_begin();

	arm_locks(t);
	cp_cpu_floats_end(floats);
	if (!drawn && cp_thread_below(t, st.fraction << step))
		return 0;
	return cp_waiters_enter(lock, now, step);
}

static uint32_t ticket_for(uintptr_t lock, uint64_t now)
{
	if (!st.fraction)
		return 0;
	if (CP_UNLIKELY(cp_waiting.lock_left <= 1))
		return publish(lock, now);
	cp_waiting.lock_left--;
	return 0;
}

void cp_probe_wait_begin(struct cp_waiter *w, struct cp_call call, unsigned what,
			 const void *object, const void *with)
{
	enum cp_wait_kind kind = what & ~(unsigned)CP_WAIT_TIMED;
	uint64_t began = cp_ticks_now();
	uint32_t ticket = 0;

	w->within = CP_UNLIKELY(cp_waiting.said.kind) && interrupts(w, call.sp);
	if (is_lock(kind))
		ticket = ticket_for((uintptr_t)object, began);
	w->call = call;
	w->began = began;
	w->object = (uintptr_t)object;
	w->ticket = (uint16_t)ticket;
	w->kind = (uint8_t)kind;
	cp_wait_say(&(struct cp_wait){
		.word = cp_wait_head(kind, ticket, what & CP_WAIT_TIMED, w->within),
		.object = (uintptr_t)object,
		.with = (uintptr_t)with,
		.start = began,
		.sp = call.sp,
		.leaf = cp_wait_leaf(call.fn, call.sp),
	});
}

void cp_probe_wait_end(const struct cp_waiter *w, bool waited)
{
	uint64_t took, left, brief;

	if (w->ticket)
		cp_waiters_leave(w->object, w->ticket);
	if (CP_UNLIKELY(w->within))
		goes_on(&w->outer);
	else
		cp_wait_say_nothing();
	if (!waited || w->kind >= cp_load_rlx(&st.kinds))
		return;
	took = cp_ticks_now() - w->began;
	left = cp_load_rlx(&cp_waiting.left);
	brief = cp_load_rlx(&st.brief); /* once: others change it */
	if (CP_UNLIKELY(took >= CP_MIN(brief, left)))
		consider(w, (int64_t)took, left, brief);
	else
		cp_store_rlx(&cp_waiting.left, left - took);
}

/* --- waits under way ----------------------------------------------------------- */

bool cp_contend_is_known(uint32_t slot, const struct cp_wait *w)
{
	return cp_sofar_has(slot, w->start);
}

bool cp_contend_is_due(uint32_t slot, const struct cp_wait *w, uint64_t now)
{
	double least = (double)CP_MAX((uint64_t)CP_SOFAR_LEAST, block_rate());

	if (w->kind >= cp_load_rlx(&st.kinds) || w->inner || (int64_t)(now - w->start) < 0)
		return false;
	return cp_ticks_ns(now - w->start) >= least || cp_contend_is_known(slot, w);
}

/* --- unlocks ---------------------------------------------------------------- */

bool cp_probe_is_awaited(const void *lock)
{
	return cp_probe_waits() && st.fraction && cp_waiters_any((uintptr_t)lock);
}

struct cp_handover cp_probe_unlock_begin(const void *lock)
{
	struct cp_waited w = {0};

	if (cp_probe_is_awaited(lock))
		w = cp_waiters_charge((uintptr_t)lock);
	return (struct cp_handover){w.hit, (uintptr_t)lock, w.fresh, w.ticks};
}

static CP_NOINLINE uint64_t others_waited(const struct cp_handover *h)
{
	return (uint64_t)(cp_ticks_ns(h->ticks) * (double)st.fraction);
}

void cp_probe_unlock_end(const struct cp_handover *h, struct cp_call call)
{
	struct cp_thread *t = cp_thread_ready();
	struct cp_cost_of cost = cp_cost_begin(t);
	uint64_t floats = cp_cpu_floats_begin();
	struct cp_contend_counts add = {
		.count = h->fresh * st.fraction << CP_CONTEND_SHIFT,
		.ns = others_waited(h),
	};

	cp_cpu_floats_end(floats);
	cp_contend_record(t, CP_CONTEND_MUTEX, call, h->lock, &add);
	cp_cost_end(CP_COST_MUTEX, cost);
}

void cp_probe_lock_made(const void *lock, uintptr_t pc)
{
	cp_lockid_made((uintptr_t)lock, pc);
}

void cp_probe_lock_gone(const void *lock)
{
	cp_lockid_gone((uintptr_t)lock);
}

/* --- life ------------------------------------------------------------------ */

static int init_tables(size_t bytes)
{
	int err = 0;

	if (st.fraction)
		err = cp_contend_cells_init(CP_CONTEND_MUTEX, bytes / 2);
	if (!err && st.fraction)
		err = cp_waiters_init();
	if (!err && st.rate)
		err = cp_contend_cells_init(CP_CONTEND_BLOCK, bytes / 2);
	if (!err && st.rate)
		err = cp_sofar_init();
	if (!err && (st.fraction || st.rate))
		err = cp_lockid_init();
	return err;
}

static uint32_t recorded_kinds(bool io)
{
	if (!st.rate)
		return CP_WAIT_NONE;
	return io ? CP_WAIT_KINDS : CP_WAIT_SLEEP;
}

static uint32_t io_interest(bool watched)
{
	if (st.kinds == CP_WAIT_KINDS)
		return CP_IO_RECORDED;
	if (!watched)
		return CP_IO_IGNORED;
	return cp_ticks_source == CP_TICKS_COUNTER ? CP_IO_SAID : CP_IO_WATCHED;
}

int cp_contend_init(const struct cp_contend_config *config, size_t bytes)
{
	int err;

	st.fraction = config->fraction;
	st.rate = config->rate;
	st.kinds = recorded_kinds(config->io);
	err = init_tables(bytes);
	if (err || !(st.fraction || st.rate || config->watched))
		return err;
	cp_thread_on_leave(thread_leaves);
	cp_store_rel(&cp_waits_on, true); /* pairs with cp_probe_waits */
	/* pairs with cp_probe_waits_for_io */
	cp_store_rel(&cp_io_interest, io_interest(config->watched));
	return 0;
}

void cp_contend_stop(void)
{
	cp_store_rlx(&cp_waits_on, false);
	cp_store_rlx(&st.kinds, (uint32_t)CP_WAIT_NONE);
	cp_store_rlx(&cp_io_interest, CP_IO_IGNORED);
}
