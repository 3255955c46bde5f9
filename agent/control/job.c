/* SPDX-License-Identifier: MIT */
/*
 * job.c - the job's thread: how it is started, kept to one, and ended
 *
 * Context  ANY: asking      CONTROL: job_main and below, on the thread itself
 * Calls    rt/, work.c, creds.c.
 * Shared   st.state, in memory a forked child finds zeroed, which is: nothing runs,
 *          nothing is asked. The stack and thread block are the running job's.
 * Order    turn is changed by read-modify-write only, always acq_rel. Who asks first
 *          leaves the request (work.c), then sets RUNNING|ASKED: if RUNNING was not
 *          set before, it is this asker who starts the thread. The thread takes ASKED
 *          off, then looks at the requests; so either it sees the request, or ASKED
 *          was set again after that. It ends by changing RUNNING alone to 0, which
 *          fails while ASKED is set: then it goes round again. No request is lost.
 *          tid: cleared by the kernel when the thread has left its stack; the next
 *          job waits for that before it uses the stack again.
 * Holds    One thread at most has RUNNING.
 * Fails    see job.h
 * Why      A clone that libc never learns of keeps a single-threaded host what it
 *          is: __libc_single_threaded stays 1, and nothing is taken from its heap.
 */
#include "job.h"

#include "../rt/atomic.h"
#include "../rt/clone.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "creds.h"
#include "files.h"
#include "reason.h"
#include "symbols.h"
#include "work.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

#define STACK_SIZE (512UL << 10)
#define TLS_MARGIN (64UL << 10) /* beyond our own variables: what libc keeps there */
#define SECOND	   1000000000LL

enum { RUNNING = 1, ASKED = 2 };

struct state {
	uint32_t pid;  /* whose state this is; 0: a child's, not taken over yet */
	uint32_t turn; /* see Order */
	uint32_t tid;
	struct cp_work work;
};

static struct {
	struct state *state;
	char *stack_top;
	char *block;		/* where the thread pointer points */
	struct cp_thread *self; /* the job's cp_self */
} st;

/* The stack, below it a page nobody may touch, above it the thread block, with room
 * for thread-local variables on the side where this processor has them. */
static int map_stack(void)
{
	intptr_t self_offset = (intptr_t)&cp_self - (intptr_t)cp_thread_pointer();
	size_t below = TLS_MARGIN + (self_offset < 0 ? (size_t)-self_offset : 0);
	size_t above = TLS_MARGIN + (self_offset > 0 ? (size_t)self_offset : 0);
	size_t size;
	char *map;

	below = CP_ALIGN_UP(below, CP_PAGE);
	size = CP_PAGE + STACK_SIZE + below + CP_ALIGN_UP(above, CP_PAGE);
	map = cp_mem_map_wiped(size);
	if (!map)
		return -ENOMEM;
	CP_SYS(SYS_mprotect, map, CP_PAGE, PROT_NONE);
	st.stack_top = map + CP_PAGE + STACK_SIZE;
	st.block = st.stack_top + below;
	st.self = (void *)(st.block + self_offset);
	return 0;
}

int cp_job_init(void)
{
	int r = map_stack();

	if (r)
		return r;
	st.state = cp_mem_map_wiped(CP_ALIGN_UP(sizeof(*st.state), CP_PAGE));
	if (!st.state)
		return -ENOMEM;
	st.state->pid = (uint32_t)cp_sys_getpid();
	return 0;
}

/* --- on the job's thread ------------------------------------------------ */

/* Waits until someone asks, or until a time (CLOCK_MONOTONIC); wakes every second to
 * follow the host when it changes user. */
static void wait_for_work(struct state *s, int64_t until)
{
	int64_t left = until - cp_now_ns(CLOCK_MONOTONIC);
	struct timespec ts;

	left = CP_MIN(CP_MAX(left, 0), SECOND);
	ts.tv_sec = left / SECOND;
	ts.tv_nsec = left % SECOND;
	cp_sys_futex_wait(&s->turn, RUNNING, &ts);
	cp_creds_follow();
}

/* From here on the thread has a table of descriptors of its own, and an empty one: the
 * host never sees ours, can't close them under us, does not pass them on, and what it
 * closes itself is closed: a pipe's reader is not kept waiting by us. A kernel that
 * can't do it leaves us with the shared table, as any thread has it. */
static void part_files(void)
{
	CP_SYS(SYS_close_range, 0, UINT_MAX, CLOSE_RANGE_UNSHARE);
}

static void job_main(void *arg)
{
	struct state *s = arg;

	part_files();
	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof-job");
	for (;;) {
		uint32_t seen = RUNNING;
		int64_t until;

		cp_xchg_acqrel(&s->turn, RUNNING); /* see Order: ASKED off, then look */
		until = cp_work_run(&s->work);
		if (until) {
			wait_for_work(s, until);
			continue;
		}
		if (cp_cas_acqrel(&s->turn, &seen, 0)) /* see Order */
			return;
	}
}

/* --- anywhere ------------------------------------------------------------- */

/* The last job may still be on its way out, on the stack we need. It has nothing left
 * to do but one system call, so this is short; the kernel wakes us, by a shared futex. */
static bool wait_for_stack(struct state *s)
{
	struct timespec ts = {0, 100000000};
	uint32_t tid;

	for (int tries = 0; (tid = cp_load_acq(&s->tid)) != 0;
	     tries++) { /* pairs with the kernel */
		if (tries == 50)
			return false;
		CP_SYS(SYS_futex, &s->tid, FUTEX_WAIT, tid, &ts);
	}
	return true;
}

static void start(struct state *s)
{
	uint64_t mask;
	long r = -EAGAIN;

	if (wait_for_stack(s)) {
		memset(st.self, 0, sizeof(*st.self));
		cp_clone_block(st.block);
		cp_sys_block_signals(&mask);
		r = cp_clone_thread(job_main, s, st.stack_top, st.block, &s->tid);
		cp_sys_restore_signals(&mask);
	}
	if (r >= 0)
		return;
	cp_work_forget(&s->work);
	cp_xchg_acqrel(&s->turn, 0);
	cp_log("no snapshot: can't start a thread: %s", cp_reason((int)r));
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

void cp_job_forked(void)
{
	if (!st.state)
		return;
	cp_store_rlx(&st.state->pid, (uint32_t)cp_sys_getpid());
	if (cp_work_keep_interval(&st.state->work))
		wake(st.state);
}

void cp_job_ask(uint64_t word)
{
	cp_work_add(&st.state->work, word);
	wake(st.state);
}

void cp_job_abandon(void)
{
	cp_files_abandon();
}

void cp_job_ask_last(void)
{
	cp_files_hurry();
	cp_symbols_set_lines(CP_LINES_HURRY);
	cp_work_add_last(&st.state->work);
	wake(st.state);
	if (cp_work_wait_last(&st.state->work))
		return;
	cp_files_abandon();
	cp_log("the snapshot at exit took more than 100 ms: dropped");
}
