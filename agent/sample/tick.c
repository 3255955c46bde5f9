/* SPDX-License-Identifier: MIT */
/*
 * tick.c - CPU time by stack: a timer on each thread's own CPU clock
 *
 * Context  as tick.h says of each
 * Calls    rt, the walker, the stack, cell, label and thread tables. No libc.
 * Shared   st.cells; a slot's `charged` (CAS); its other fields are written by its
 *          thread, or by the job while the thread has no timer yet; total: relaxed adds.
 * Holds    charged moves forward by CAS only, and what it moved by goes into one cell:
 *          each nanosecond of a thread is counted once, by whoever moved it.
 * Fails    see tick.h
 * Why      The weight of a sample is the CPU time since the thread's last one, read from
 *          the clock the timer runs on. The number of expirations (1 + si_overrun) says
 *          the same in whole periods; the clock also says it when a reading has
 *          come between, so nothing is counted twice. A thread that runs for less
 *          than a tick is never hit: its time is settled when it ends.
 *          Timers count CPU time: no thread that waits is signalled, no blocked call broken off.
 *          A thread dump asks a running thread by the same timer, set to go off at once:
 *          it can't meet a thread that has begun to wait, as a signal sent to it could.
 *          We never go back to SIG_DFL: a signal still pending would kill the host.
 */
#include "tick.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/timer.h"
#include "fds.h"
#include "govern.h"
#include "labels.h"
#include "loss.h"
#include "rules.h"
#include "span.h"
#include "stack.h"
#include "walk.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SECOND	    1000000000ULL
#define LIMIT_MIN   (SECOND / 10)
#define MAGIC	    0xc9f0c95ULL
#define MAGIC_SHIFT 32
#define SIGNAL_NS   2000 /* the kernel's part of a sample: interrupt, frame, and back */
#define ROOM	    6144 /* what the handler needs of a stack, and as much again for luck */

enum { NS, NS_BEFORE, NS_NOTED };

static struct {
	struct cp_cells cells;
	uint64_t period; /* as configured, before any step */
	bool asking;	 /* timers are wanted for questions, whatever the period */
	uint64_t *total; /* of all cells; in memory a forked child finds zeroed */
	int sig;
	uint32_t most;	  /* timers we may have: slots beyond that go without */
	uint32_t refused; /* said once */
	uint32_t shut_in; /* in a sandbox, for good: so are children */
	uint32_t round;	  /* of questions where threads are */
} st CP_WARM;

/* Each timer takes one of the signals the user may have queued, in all processes. The
 * host needs them too: half of what there may be is enough for us. */
static uint32_t most_timers(void)
{
	struct rlimit lim = {0, 0};

	if (CP_SYS(SYS_prlimit64, 0, RLIMIT_SIGPENDING, 0, &lim) < 0)
		return UINT32_MAX;
	return (uint32_t)CP_MIN(lim.rlim_cur / 2, (rlim_t)UINT32_MAX);
}

int cp_tick_init(uint64_t hz, size_t bytes)
{
	int err;

	if (!hz)
		return 0;
	err = cp_cells_init(&st.cells, bytes);
	st.total = err ? NULL : cp_mem_wiped(sizeof(*st.total));
	if (!st.total)
		return -ENOMEM;
	st.period = SECOND / hz;
	st.most = most_timers();
	return 0;
}

void cp_tick_init_asking(void)
{
	st.asking = true;
	st.most = most_timers();
}

uint64_t cp_tick_period(void)
{
	return st.period;
}

bool cp_tick_needs_signal(void)
{
	return st.period || st.asking;
}

/* --- timers ------------------------------------------------------------- */

int cp_tick_signal(void)
{
	return cp_load_rlx(&st.sig);
}

static uint64_t period_of(const struct cp_thread_slot *s)
{
	return st.period << cp_load_rlx(&s->step);
}

/* The thread may have slept since the rate was last moved, or be about to follow. */
uint64_t cp_tick_limit(const struct cp_thread_slot *s)
{
	uint64_t period = CP_MAX(period_of(s), st.period << cp_govern_step(CP_COST_CPU));

	return CP_MAX(LIMIT_MIN, 16 * period);
}

/* Anywhere within a period: threads that live for less than one are hit too, and those
 * that start together are not hit together. */
static int64_t first_after(const struct cp_thread_slot *s)
{
	uint64_t r = (uint64_t)cp_now_ns(CLOCK_MONOTONIC) * 0x9e3779b97f4a7c15ULL;

	return (int64_t)((r >> 16) % period_of(s)) + 1;
}

static void refused(long error)
{
	uint32_t seen = 0;

	cp_loss_add(CP_LOSS_NO_TIMER, 1);
	if (cp_cas_rlx(&st.refused, &seen, 1))
		cp_log("the kernel refuses a timer (error %ld): some threads have no CPU samples, "
		       "only sums",
		       -error);
}

void cp_tick_disarm(struct cp_thread_slot *s)
{
	uint32_t timer = cp_xchg_acqrel(&s->timer, 0); /* whoever has it deletes it */

	if (timer)
		cp_timer_delete((int)timer - 1);
}

/* Has it one now, by this signal? first: when that goes off; 0: anywhere within a period. */
static bool arm_by(struct cp_thread_slot *s, int sig, int64_t first)
{
	uint32_t number = cp_threads_number(s), seen = 0;
	long timer = number < st.most ? cp_timer_make(s->tid, sig, MAGIC << MAGIC_SHIFT | number)
				      : -EAGAIN /* as the kernel has it */;

	if (timer < 0) {
		if (timer != -EINVAL /* no such thread any more */)
			refused(timer);
		return false;
	}
	cp_store_rlx(&s->step, cp_govern_step(CP_COST_CPU));
	/* Running before it can be seen: one that doesn't run has lost its thread. */
	cp_timer_start((int)timer, first ? first : first_after(s), (int64_t)period_of(s));
	/* The thread itself and a job may both come here. */
	if (cp_cas_rlx(&s->timer, &seen, (uint32_t)timer + 1))
		return true;
	cp_timer_delete((int)timer);
	return false;
}

static void arm(struct cp_thread_slot *s, int64_t first)
{
	int sig = cp_tick_signal();

	while (sig && !cp_load_rlx(&s->small) && !cp_load_rlx(&s->timer) && arm_by(s, sig, first)) {
		int now = cp_tick_signal();

		/* Who moved them, or wants none, may have passed here before there was one. */
		cp_fence_seq(); /* pairs with cp_agent_signal_stack */
		if (now == sig && !cp_load_rlx(&s->small))
			return;
		cp_tick_disarm(s);
		sig = now;
	}
}

/* Its own thread takes over a rate that has moved. A timer that is deleted meanwhile is
 * no other one's yet: the kernel hands their numbers out in a circle. */
static void follow_rate(struct cp_thread_slot *s)
{
	uint32_t step = cp_govern_step(CP_COST_CPU);
	uint32_t timer = cp_load_rlx(&s->timer);

	if (CP_LIKELY(cp_load_rlx(&s->step) == step) || !timer)
		return;
	cp_store_rlx(&s->step, step);
	cp_timer_start((int)timer - 1, (int64_t)period_of(s), (int64_t)period_of(s));
}

void cp_tick_arm(struct cp_thread_slot *s)
{
	if (st.period)
		arm(s, 0);
}

bool cp_tick_lost(const struct cp_thread_slot *s)
{
	uint32_t timer = cp_load_rlx(&s->timer);

	return cp_load_rlx(&s->state) & CP_THREAD_FOUND && timer &&
	       cp_timer_left((int)timer - 1) == 0;
}

static void move_timers(void)
{
	struct cp_thread_slot *s;
	uint32_t at = 0;

	while ((s = cp_threads_next(&at))) {
		cp_tick_disarm(s);
		cp_tick_arm(s);
		cp_threads_release(s, false);
	}
}

void cp_tick_use_signal(int sig)
{
	cp_store_rlx(&st.sig, sig);
	move_timers();
	/* What a job held we have passed by. It lets go soon, unless it is who we interrupt. */
	for (int tries = 0; tries < 100 && cp_threads_any_held(); tries++) {
		cp_sys_nap(100000);
		move_timers();
	}
}

void cp_tick_shut_in(void)
{
	cp_store_rlx(&st.shut_in, 1);
	cp_tick_use_signal(0);
}

/* --- counting ------------------------------------------------------------ */

void cp_tick_charge(cp_sid sid, uint16_t label, uint64_t ns)
{
	struct cp_cell_key key = {.sid = sid, .label = label};

	if (!ns || !st.period)
		return;
	cp_cell_add(&st.cells, cp_cell_find(&st.cells, key), NS, ns);
	cp_add_rlx(st.total, ns);
}

uint64_t cp_tick_charged(void)
{
	return st.total ? cp_load_rlx(st.total) : 0;
}

cp_sid cp_tick_synth(enum cp_synth what)
{
	cp_frame frame = cp_frame_synth(what);

	return cp_stack_intern(&frame, 1, false);
}

/* What is not in the counters yet becomes the caller's to put there. */
static uint64_t take_due(struct cp_thread_slot *s, uint64_t cpu_ns)
{
	uint64_t seen = cp_load_rlx(&s->charged);

	while (cpu_ns > seen)
		if (cp_cas_rlx(&s->charged, &seen, cpu_ns))
			return cpu_ns - seen;
	return 0;
}

/* Where time goes that no sample speaks for. */
static cp_sid fallback(const struct cp_thread_slot *s)
{
	cp_sid last = cp_load_acq(&s->last); /* pairs with take_stack: a job charges what it says */
	cp_frame frame;

	if (last || !s->start)
		return last;
	frame = cp_rules_frame(s->start);
	return cp_stack_intern(&frame, 1, false);
}

void cp_tick_settle(struct cp_thread_slot *s, uint64_t cpu_ns, cp_sid sid)
{
	cp_tick_charge(sid ? sid : fallback(s), cp_load_rlx(&s->label), take_due(s, cpu_ns));
}

void cp_tick_name(struct cp_thread_slot *s, const char name[16])
{
	if (CP_UNLIKELY(cp_threads_rename(s, name)))
		cp_store_rlx(&s->label, cp_label_of_thread(name));
}

static void read_name(struct cp_thread_slot *s)
{
	char name[16] = {0};

	CP_SYS(SYS_prctl, PR_GET_NAME, name);
	cp_tick_name(s, name);
}

void cp_tick_leave(struct cp_thread_slot *s)
{
	int64_t now = st.period && !cp_load_rlx(&st.shut_in)
			      ? cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID)
			      : -1;
	uint64_t charged = cp_load_rlx(&s->charged);
	cp_sid sid = CP_SID_NONE;
	int sig = cp_tick_signal();

	if (now < 0)
		return;
	read_name(s);
	if ((uint64_t)now > charged + cp_tick_limit(s) && sig && cp_sys_blocks_signal(sig))
		sid = cp_tick_synth(CP_SYNTH_SIGNALS_BLOCKED);
	cp_tick_settle(s, (uint64_t)now, sid);
}

/* --- the handler ----------------------------------------------------------- */

bool cp_tick_is(const siginfo_t *info)
{
	return info->si_code == SI_TIMER &&
	       (uint64_t)(uintptr_t)info->si_ptr >> MAGIC_SHIFT == MAGIC;
}

/* The slot a signal of ours is for; NULL for anybody else's signal, and for one that was
 * on its way when the slot was given back. */
static struct cp_thread_slot *slot_of(const siginfo_t *info)
{
	struct cp_thread_slot *s;

	if (!cp_tick_is(info))
		return NULL;
	s = cp_threads_slot((uint32_t)(uintptr_t)info->si_ptr);
	if (!s || cp_threads_is_astray(s) || !cp_threads_is_own(s))
		return NULL;
	return cp_load_rlx(&s->state) & CP_THREAD_GONE ? NULL : s;
}

/* What we know of the slot's thread. NULL: a raw clone runs on its parent's record. */
static struct cp_thread *record_of(const struct cp_thread_slot *s)
{
	struct cp_thread *t = &cp_self;

	return t->tid == s->tid && t->epoch == cp_epoch() ? t : NULL;
}

/* Signal stacks may be tiny, and a thread may be near the end of its own. */
static bool has_room(const struct cp_thread *t, const ucontext_t *uc)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uintptr_t lo = (uintptr_t)uc->uc_stack.ss_sp;

	if (!(uc->uc_stack.ss_flags & SS_DISABLE) && sp - lo < uc->uc_stack.ss_size)
		return sp - lo >= ROOM;
	return !t || !cp_span_owns(t, sp) || sp - t->stack_lo >= ROOM;
}

static CP_NOINLINE cp_sid walk(struct cp_thread *t, const ucontext_t *uc)
{
	cp_frame frame[CP_WALK_MAX];
	bool cut = false;
	unsigned n = cp_walk_signal(t, uc, frame, CP_WALK_MAX, &cut);

	if (!n)
		cp_loss_add(CP_LOSS_NO_STACK, 1);
	return cp_stack_intern(frame, n, cut);
}

static void take_stack(struct cp_thread_slot *s, const ucontext_t *uc)
{
	struct cp_thread nobody = {0}, *t = record_of(s); /* nobody's stack is copied */
	uint32_t round = cp_load_rlx(&st.round);

	cp_store_rel(&s->last, walk(t ? t : &nobody, uc)); /* pairs with fallback() */
	cp_store_rel(&s->answered, round);		   /* pairs with cp_tick_answered */
}

/* The signal comes late: by then the thread has let it in, with a system call. Of others that
 * lasted so long we know fork, where it was us who blocked it; and a machine that stood still
 * did so anywhere: that is the stack's own time. */
static bool was_blocked(const ucontext_t *uc)
{
	return !cp_self.held && cp_cpu_after_syscall(cp_cpu_uc_pc(uc));
}

static void sample(struct cp_thread_slot *s, const ucontext_t *uc, uint64_t ns)
{
	take_stack(s, uc);
	read_name(s);
	if (CP_UNLIKELY(ns > cp_tick_limit(s) && was_blocked(uc))) {
		cp_tick_charge(cp_tick_synth(CP_SYNTH_SIGNALS_BLOCKED), s->label,
			       ns - period_of(s));
		ns = period_of(s);
	}
	cp_tick_charge(fallback(s), s->label, ns);
	cp_fds_sampled();
}

void cp_tick_on_signal(int sig, siginfo_t *info, void *context)
{
	uint64_t began = cp_cost_now(), ns;
	/* One that was on its way when the host shut itself in: no system call for it. */
	struct cp_thread_slot *s = cp_load_rlx(&st.shut_in) ? NULL : slot_of(info);
	int64_t now;

	(void)sig;
	if (!s)
		return;
	if (!has_room(record_of(s), context)) {
		cp_loss_add(CP_LOSS_NO_ROOM, 1); /* its time is the next one's */
		return;
	}
	if (!st.period) {
		take_stack(s, context);
		return;
	}
	now = cp_timer_cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	ns = now > 0 ? take_due(s, (uint64_t)now) : 0;
	if (ns)
		sample(s, context, ns);
	cp_cost_add_ns(CP_COST_CPU, SIGNAL_NS);
	cp_cost_add(CP_COST_CPU, began, 1);
	follow_rate(s);
}

/* --- asking ----------------------------------------------------------------- */

uint32_t cp_tick_round(void)
{
	return cp_add_rlx(&st.round, 1) + 1;
}

void cp_tick_ask(struct cp_thread_slot *s)
{
	uint32_t timer = cp_load_rlx(&s->timer);

	if (timer)
		cp_timer_start((int)timer - 1, 1, (int64_t)period_of(s));
	else
		arm(s, 1);
}

void cp_tick_asked(struct cp_thread_slot *s)
{
	if (!st.period)
		cp_tick_disarm(s);
}

bool cp_tick_answered(const struct cp_thread_slot *s, uint32_t round, cp_sid *sid)
{
	/* acq: pairs with take_stack. A later round's answer is one to this as well. */
	if ((int32_t)(cp_load_acq(&s->answered) - round) < 0)
		return false;
	*sid = cp_load_rlx(&s->last);
	return true;
}

/* --- reading ----------------------------------------------------------------- */

uint32_t cp_tick_cells(void)
{
	return cp_cell_count(&st.cells);
}

void cp_tick_row(uint32_t cell, struct cp_tick_row *row)
{
	struct cp_cell_key key = cp_cell_key(&st.cells, cell);

	row->sid = key.sid;
	row->label = key.label;
	row->ns = cp_cell_read(&st.cells, cell, NS);
	row->ns_before = cp_cell_read(&st.cells, cell, NS_BEFORE);
}

void cp_tick_note(uint32_t cell, uint64_t ns)
{
	cp_cell_note(&st.cells, cell, NS_NOTED, ns);
}

void cp_tick_written(void)
{
	uint32_t n = cp_tick_cells();

	for (uint32_t i = 0; i < n; i++)
		cp_cell_note(&st.cells, i, NS_BEFORE, cp_cell_read(&st.cells, i, NS_NOTED));
}
