/* SPDX-License-Identifier: MIT */
/*
 * job.c - the job's thread: how it is started, kept to one, and ended
 *
 * Context  ANY: asking      CONTROL: job_main and below, on the thread itself
 * Calls    rt/, bare.c, work.c, creds.c.
 * Shared   st.state, in memory a forked child finds zeroed, which is: nothing runs,
 *          nothing is asked.
 * Order    turn is changed by read-modify-write only, always acq_rel. Who asks first
 *          leaves the request (work.c), then sets RUNNING|ASKED: if RUNNING was not
 *          set before, it is this asker who starts the thread. The thread takes ASKED
 *          off, then looks at the requests; so either it sees the request, or ASKED
 *          was set again after that. It ends by changing RUNNING alone to 0, which
 *          fails while ASKED is set: then it goes round again. No request is lost, unless all
 *          are (give_up, start). HELD makes it end by taking RUNNING alone off; until that is
 *          taken off too nobody asks, for the host has one thread, with signals blocked.
 * Holds    One thread at most has RUNNING.
 * Fails    see job.h
 * Why      A clone that libc never learns of keeps a single-threaded host what it
 *          is: __libc_single_threaded stays 1, and nothing is taken from its heap.
 */
#include "job.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "bare.h"
#include "config.h"
#include "creds.h"
#include "dump.h"
#include "files.h"
#include "helper.h"
#include "lines.h"
#include "reason.h"
#include "settle.h"
#include "share.h"
#include "underway.h"
#include "work.h"

#include <errno.h>
#include <sys/prctl.h>

#define SECOND 1000000000LL

enum { RUNNING = 1, ASKED = 2, HELD = 4 };

struct state {
	uint32_t pid;	       /* whose state this is; 0: a child's, not taken over yet */
	uint32_t turn;	       /* see Order */
	struct cp_creds creds; /* the job's own */
	bool ran;	       /* there was a thread when it was held */
	struct cp_work work;
};

static struct {
	struct state *state;
	struct cp_bare room;
} st;

int cp_job_init(void)
{
	int r = cp_bare_init(&st.room);

	if (r)
		return r;
	st.state = cp_mem_wiped(sizeof(*st.state));
	if (!st.state)
		return -ENOMEM;
	st.state->pid = (uint32_t)cp_sys_getpid();
	return 0;
}

/* --- on the job's thread ------------------------------------------------ */

/* Waits until someone asks, or until a time (CLOCK_MONOTONIC); wakes every second to
 * follow the host when it changes user. False: it can't. */
static bool wait_for_work(struct state *s, int64_t until)
{
	int64_t left = until - cp_now_ns(CLOCK_MONOTONIC);
	struct timespec ts;

	left = CP_MIN(CP_MAX(left, 0), SECOND);
	ts.tv_sec = left / SECOND;
	ts.tv_nsec = left % SECOND;
	cp_sys_futex_wait(&s->turn, RUNNING, &ts);
	/* Each look opens files, in the host's table if we have none: so only for work. */
	if (!cp_self.own_files && cp_load_rlx(&s->turn) == RUNNING &&
	    cp_now_ns(CLOCK_MONOTONIC) < until)
		return true;
	cp_log_follow();
	return cp_creds_follow(&s->creds);
}

static const char *by_interval(void)
{
	return cp_config.interval_ns ? ", nor by CPROF_INTERVAL," : "";
}

/* Who asks next starts a new thread, with that one's user. What was asked by now is dropped,
 * as the line says. */
static void give_up(struct state *s)
{
	cp_log("no snapshot%s until one is asked for: can't tell what user the program has become",
	       by_interval());
	cp_work_forget(&s->work);
	cp_and_acqrel(&s->turn, (uint32_t)HELD);
}

/* Is it held, and has it left? Not if that is over meanwhile. */
static bool leaves(struct state *s)
{
	uint32_t seen = cp_load_rlx(&s->turn);

	while (seen & HELD)
		if (cp_cas_acqrel(&s->turn, &seen, seen & ~(uint32_t)RUNNING)) /* see Order */
			return true;
	return false;
}

static void job_main(void *arg)
{
	struct state *s = arg;

	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof-job");
	/* Where the kernel can't do it, with the shared table, as any thread has it. */
	cp_bare_part_files();
	cp_creds_open(&s->creds);
	for (;;) {
		uint32_t seen = RUNNING;
		int64_t until;

		cp_and_acqrel(&s->turn, ~(uint32_t)ASKED); /* see Order: off, then look */
		until = cp_work_run(&s->work);
		cp_helper_sweep_again();
		cp_share_end();
		cp_settle_own();
		if (leaves(s))
			return;
		if (until) {
			if (wait_for_work(s, until))
				continue;
			give_up(s);
			return;
		}
		if (cp_cas_acqrel(&s->turn, &seen, 0)) /* see Order */
			return;
	}
}

/* --- anywhere ------------------------------------------------------------- */

static void start(struct state *s)
{
	int r;

	cp_store_rlx(&s->creds.opened, 0U); /* who waits for it waits for this one's */
	r = cp_bare_start(&st.room, job_main, s);
	if (r >= 0)
		return;
	cp_work_forget(&s->work);
	cp_and_acqrel(&s->turn, (uint32_t)HELD);
	cp_log("no snapshot%s: can't start a thread: %s", by_interval(), cp_reason(r));
}

static void wake(struct state *s)
{
	uint32_t was = cp_or_acqrel(&s->turn, RUNNING | ASKED); /* see Order */

	if (!(was & RUNNING))
		start(s);
	else if (!(was & ASKED))
		cp_sys_futex_wake(&s->turn, 1);
}

bool cp_job_at_home(void)
{
	uint32_t pid = (uint32_t)cp_sys_getpid();
	uint32_t seen = 0;

	if (!st.state)
		return false;
	/* A child whose making we did not see finds its state wiped. */
	if (cp_load_rlx(&st.state->pid) != 0 || !cp_cas_rlx(&st.state->pid, &seen, pid))
		return cp_load_rlx(&st.state->pid) == pid;
	return true;
}

static void start_interval(struct state *s)
{
	if (!cp_work_keep_interval(&s->work))
		return;
	wake(s);
	if (cp_load_rlx(&s->turn))
		cp_creds_await(&s->creds);
}

void cp_job_start(void)
{
	if (st.state)
		start_interval(st.state);
}

void cp_job_forked(void)
{
	if (!st.state)
		return;
	cp_store_rlx(&st.state->pid, (uint32_t)cp_sys_getpid());
	start_interval(st.state);
}

bool cp_job_hold(void)
{
	struct state *s = st.state;

	s->ran = cp_or_acqrel(&s->turn, (uint32_t)HELD) & RUNNING; /* see Order */
	cp_sys_futex_wake(&s->turn, 1);
	if (cp_bare_left(&st.room, SECOND))
		return true;
	cp_job_release();
	return false;
}

void cp_job_release(void)
{
	struct state *s = st.state;

	/* A thread that is still there goes on: see Order. */
	if (cp_and_acqrel(&s->turn, ~(uint32_t)HELD) & RUNNING || !s->ran)
		return;
	wake(s);
	cp_creds_await(&s->creds);
}

void cp_job_ask(uint64_t word)
{
	cp_work_add(&st.state->work, word);
	wake(st.state);
}

void cp_job_ask_last(void)
{
	cp_files_hurry();
	cp_dump_hurry();
	cp_underway_hurry();
	cp_lines_set(CP_LINES_HURRY);
	cp_work_add_last(&st.state->work);
	wake(st.state);
	if (cp_work_wait_last(&st.state->work))
		return;
	cp_files_abandon();
	cp_log("the snapshot at exit took more than 100 ms: dropped");
}
