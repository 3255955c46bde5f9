/* SPDX-License-Identifier: MIT */
/*
 * bare.c - room for one thread that libc never learns of, used again and again
 *
 * Context  EARLY, ANY; cp_bare_part_files on the thread itself; close_copies() also in a
 *          process of its own, with the host's memory: system calls only
 * Calls    rt; peek.h, since from here on there is a second thread.
 * Shared   *tid, in memory a forked child finds zeroed: written by the kernel.
 * Order    tid: acq, pairs with the kernel's store when the thread has left its stack.
 * Holds    see bare.h
 */
#include "bare.h"

#include "../rt/atomic.h"
#include "../rt/clone.h"
#include "../rt/filter.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "../sample/peek.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

#define STACK_SIZE  (512UL << 10)
#define ROOMS	    4
#define LEFT_WITHIN 5000000000LL
#define TLS_MARGIN  (64UL << 10) /* beyond our own variables: what libc keeps there */

#define COPIED	     64 /* descriptors the kernel copies, even where the rest is to be closed */
#define CLOSER_STACK 4096
#define QUEUE_SIZE   80 /* what a message queue says it is long: the kernel's FILENT_SIZE */

static struct {
	uint32_t *tid[ROOMS]; /* of each room */
	unsigned rooms;
} st;

/* The stack, below it a page nobody may touch, above it the thread block, with room
 * for thread-local variables on the side where this processor has them; then tid. */
int cp_bare_init(struct cp_bare *b)
{
	intptr_t self_offset = (intptr_t)&cp_self - (intptr_t)cp_thread_pointer();
	size_t below = TLS_MARGIN + (self_offset < 0 ? (size_t)-self_offset : 0);
	size_t above = TLS_MARGIN + (self_offset > 0 ? (size_t)self_offset : 0);
	char *map;

	below = CP_ALIGN_UP(below, CP_PAGE);
	above = CP_ALIGN_UP(above, CP_PAGE);
	map = cp_mem_wiped(CP_PAGE + STACK_SIZE + below + above + CP_PAGE);
	if (!map)
		return -ENOMEM;
	CP_SYS(SYS_mprotect, map, CP_PAGE, PROT_NONE);
	b->stack_top = map + CP_PAGE + STACK_SIZE;
	b->block = b->stack_top + below;
	b->self = (void *)(b->block + self_offset);
	b->tid = (void *)(b->block + above);
	if (st.rooms < ROOMS)
		st.tid[st.rooms++] = b->tid;
	return 0;
}

/* Behind a filter it can't be changed. */
static void be_ordinary(void)
{
	const struct sched_param none = {0};
	long policy = CP_SYS(SYS_sched_getscheduler, 0);

	if (policy < 0)
		return;
	policy &= ~SCHED_RESET_ON_FORK;
	if ((policy == SCHED_FIFO || policy == SCHED_RR) && (cp_filter_is_none() || !cp_filtered()))
		CP_SYS(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
}

static int run(void *room)
{
	const struct cp_bare *b = room;

	be_ordinary();
	b->fn(b->arg);
	return 0;
}

/* The last thread may still be on its way out, on the stack we need. It has nothing left
 * to do but one system call, so this is short; the kernel wakes us, by a shared futex. */
bool cp_bare_left(struct cp_bare *b, int64_t within)
{
	const struct timespec ts = {0, 100000000};
	int64_t until = cp_now_ns(CLOCK_MONOTONIC) + within;
	uint32_t tid;

	while ((tid = cp_load_acq(b->tid)) != 0) { /* see Order */
		if (cp_now_ns(CLOCK_MONOTONIC) > until)
			return false;
		CP_SYS(SYS_futex, b->tid, FUTEX_WAIT, tid, &ts);
	}
	return true;
}

int cp_bare_start(struct cp_bare *b, void (*fn)(void *), void *arg)
{
	uint64_t mask, floats;
	long r;

	if (!cp_bare_left(b, LEFT_WITHIN))
		return -EAGAIN;
	cp_peek_choose();
	b->fn = fn;
	b->arg = arg;
	memset(b->self, 0, sizeof(*b->self));
	b->self->own_files = cp_self.own_files; /* the table is its maker's */
	cp_clone_block(b->block);
	cp_sys_block_signals(&mask);
	floats = cp_cpu_floats_begin(); /* it has what its maker traps on */
	r = cp_clone_thread(run, b, b->stack_top, b->block, b->tid);
	cp_cpu_floats_end(floats);
	cp_sys_restore_signals(&mask);
	return r < 0 ? (int)r : 0;
}

uint32_t cp_bare_running(uint64_t *who)
{
	uint32_t n = 0;

	*who = 0;
	for (unsigned i = 0; i < st.rooms; i++) {
		uint32_t tid = cp_load_rlx(st.tid[i]);

		*who += tid;
		n += tid != 0;
	}
	return n;
}

bool cp_bare_is(uint32_t tid)
{
	bool found = false;

	for (unsigned i = 0; i < st.rooms; i++)
		found |= cp_load_rlx(st.tid[i]) == tid;
	return found;
}

/* Told by fstat, for no filter kills for it: a file of this size that takes no room is a queue,
 * or costs a process that wasn't needed. */
static bool copied_queue(void)
{
	for (int fd = 0; fd < COPIED; fd++) {
		struct stat sb;

		if (cp_sys_fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size == QUEUE_SIZE &&
		    sb.st_blocks == 0)
			return true;
	}
	return false;
}

/* last: of 0, 1, 2. */
static int close_copies(void *last)
{
	CP_SYS(SYS_close_range, 3, UINT_MAX, 0);
	CP_SYS(SYS_close_range, 0, *(const unsigned *)last, 0);
	return 0;
}

/* A message queue tells nobody any more that something has come once the process that asked
 * for it (mq_notify) closes it: any thread of it, and any copy. So another process does, one
 * that shares our table. Where none can be made, or may be, what is asked for is lost; and a
 * host that waits for children of any kind (__WALL) just then may be told of this one. */
static void close_by_another(unsigned *last)
{
	__attribute__((aligned(16))) char stack[CLOSER_STACK];
	uint64_t mask;
	long pid;

	cp_sys_block_signals(&mask);
	pid = cp_clone_process(CLONE_VM | CLONE_FILES | CLONE_VFORK, close_copies, last,
			       stack + sizeof(stack));
	while (pid > 0 && CP_SYS(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
		;
	cp_sys_restore_signals(&mask);
}

/* The host never sees the descriptors of such a thread, can't close them under it, does
 * not pass them on, and what it closes itself is closed: a pipe's reader is not kept
 * waiting by us. But behind a filter nobody could say a line without a copy of 2, which is
 * then kept as long as the host keeps it (log.c). What is copied is closed in a second step,
 * when the host can't change it any more, and finds nothing to do if another has done it. */
bool cp_bare_part_files(void)
{
	unsigned last;

	/* valgrind lets nobody have 2 from there. */
	if (cp_cpu_is_valgrind() || CP_SYS(SYS_close_range, COPIED, UINT_MAX, CLOSE_RANGE_UNSHARE))
		return false;
	cp_self.own_files = true;
	last = cp_log_is_stderr() ? 1 : 2;
	if (copied_queue() && !cp_filter_is_own())
		close_by_another(&last);
	close_copies(&last);
	/* Asked from here on, where the host meets no descriptor of ours, nor changes its own. */
	if (last == 1 && !cp_filtered())
		cp_sys_close(2);
	return true;
}
