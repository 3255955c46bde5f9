/* SPDX-License-Identifier: MIT */
/*
 * helper.c - a program run beside the host, unseen by it
 *
 * Context  CONTROL; keeper() and child() in processes of their own, on stacks of
 *          their own, with the host's memory: system calls only
 * Calls    rt only.
 * Shared   struct cp_helper_shared: `started` is written by the keeper and waited for
 *          by the job; `done` the other way round.
 * Order    started: rel by keeper() / acq by wait_started(). done: rel by
 *          cp_helper_stop() / acq by keeper(). Both are futex words.
 * Holds    job -> keeper -> program. The keeper has no exit signal and is reaped by
 *          the job with __WALL. It alone signals and reaps the program, so that no
 *          pid is used after it might be someone else's.
 *          The keeper shares the job's own table of descriptors, so that it holds none
 *          open by itself; the program's copy is closed but for 0, 1, 2.
 * Fails    see helper.h. One that takes too long to begin costs the memory of its start.
 * Why      exec gives back to a process the exit signal it was cloned without: as our
 *          own child the program would send SIGCHLD to the host and be found by its
 *          wait(). So it is the child of one that does not exec.
 */
#include "helper.h"

#include "../rt/atomic.h"
#include "../rt/sigact.h"
#include "../rt/spawn.h"
#include "../rt/sys.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STACK	     (16UL * 1024)
#define START_WITHIN 5 /* seconds: the disk may be slow */
#define DESCRIPTORS  65536

enum { NOT_YET, STARTED, FAILED };

struct cp_helper_shared {
	const char *const *argv;
	long host, keeper, child;
	int socket; /* the program's end */
	int error;
	uint32_t started, done;
};

/* [child] Only these three descriptors go along. */
static int take_descriptors(int socket)
{
	/* 2 is made last and may be what holds the socket. */
	long from = CP_SYS(SYS_fcntl, socket, F_DUPFD, 3);
	long null;

	if (from < 0)
		return (int)from;
	null = CP_SYS(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
	if (null < 0)
		null = from; /* a chroot without it */
	if (CP_SYS(SYS_dup3, from, 0, 0) < 0 || CP_SYS(SYS_dup3, from, 1, 0) < 0)
		return -EBADF;
	if (null != 2 && CP_SYS(SYS_dup3, null == 0 || null == 1 ? from : null, 2, 0) < 0)
		return -EBADF;
#ifdef SYS_close_range
	if (CP_SYS(SYS_close_range, 3, ~0U, 0) == 0)
		return 0;
#endif
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		cp_sys_close(fd);
	return 0;
}

/* Runs until its exec in the keeper's memory; the keeper waits for that. */
static int child(void *arg)
{
	struct cp_helper_shared *s = arg;
	static const char *const environment[] = {"LC_ALL=C", NULL};

	CP_SYS(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (CP_SYS(SYS_getppid) != s->keeper)
		return 127; /* it was killed before it could take us along */
	s->error = take_descriptors(s->socket);
	if (!s->error)
		s->error = (int)CP_SYS(SYS_execve, s->argv[0], s->argv, environment);
	return 127;
}

static void announce(struct cp_helper_shared *s, uint32_t what)
{
	cp_store_rel(&s->started, what); /* pairs with wait_started() */
	cp_sys_futex_wake(&s->started, 1);
}

static int keeper(void *arg)
{
	struct cp_helper_shared *s = arg;
	char *stack = (char *)s + CP_PAGE + STACK;
	int status;

	CP_SYS(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (CP_SYS(SYS_getppid) != s->host)
		return 1;
	s->keeper = cp_sys_getpid();
	cp_sigact_default(SIGCHLD); /* in a host that ignores it a child is gone unreaped */
	s->child = cp_spawn(CLONE_VM | CLONE_VFORK, child, s, stack + STACK);
	if (s->child < 0)
		s->error = (int)s->child;
	announce(s, s->child < 0 || s->error ? FAILED : STARTED);
	while (!cp_load_acq(&s->done)) /* pairs with cp_helper_stop() */
		cp_sys_futex_wait(&s->done, 0, NULL);
	if (s->child > 0) {
		CP_SYS(SYS_kill, s->child, SIGKILL);
		CP_SYS(SYS_wait4, s->child, &status, __WALL, 0);
	}
	return 0;
}

/* --- the job's side ----------------------------------------------------- */

/* Our shared block: a page of words, then the keeper's and the child's stacks. */
#define ROOM (CP_PAGE + 2 * STACK)

static int wait_started(struct cp_helper_shared *s)
{
	int64_t until = cp_now_ns(CLOCK_MONOTONIC) + START_WITHIN * 1000000000LL;
	struct timespec tick = {0, 100000000};
	uint32_t v;

	while ((v = cp_load_acq(&s->started)) == NOT_YET) { /* pairs with announce() */
		if (cp_now_ns(CLOCK_MONOTONIC) > until)
			return -ETIMEDOUT;
		cp_sys_futex_wait(&s->started, NOT_YET, &tick);
	}
	return v == STARTED ? 0 : s->error;
}

static int start_keeper(struct cp_helper *h, const char *const *argv, int socket)
{
	uint64_t mask;

	h->shared = cp_mem_map(ROOM);
	if (!h->shared)
		return -ENOMEM;
	h->shared->argv = argv;
	h->shared->host = cp_sys_getpid();
	h->shared->socket = socket;
	cp_sys_block_signals(&mask);
	h->keeper = cp_spawn(CLONE_VM | CLONE_FILES, keeper, h->shared,
			     (char *)h->shared + CP_PAGE + STACK);
	cp_sys_restore_signals(&mask);
	return h->keeper < 0 ? (int)h->keeper : wait_started(h->shared);
}

int cp_helper_start(struct cp_helper *h, const char *const *argv)
{
	int pair[2];
	int r = (int)CP_SYS(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	*h = (struct cp_helper){-1, 0, NULL};
	if (r)
		return r;
	h->fd = pair[0];
	r = start_keeper(h, argv, pair[1]);
	cp_sys_close(pair[1]);
	if (r)
		cp_helper_stop(h);
	return r;
}

void cp_helper_stop(struct cp_helper *h)
{
	bool begun = h->keeper > 0 && cp_load_acq(&h->shared->started); /* pairs with announce() */
	int status;

	if (h->fd >= 0)
		cp_sys_close(h->fd);
	h->fd = -1;
	if (h->keeper > 0) {
		cp_store_rel(&h->shared->done, 1); /* pairs with keeper() */
		cp_sys_futex_wake(&h->shared->done, 1);
		/* One that hangs in the start of the program hears signals only. */
		if (!begun)
			CP_SYS(SYS_kill, h->keeper, SIGKILL);
		while (CP_SYS(SYS_wait4, h->keeper, &status, __WALL, 0) == -EINTR)
			;
	}
	/* If it had not, its child may be about to find that out, on a stack in there. */
	if (begun || h->keeper <= 0)
		cp_mem_unmap(h->shared, ROOM);
	*h = (struct cp_helper){-1, 0, NULL};
}

static int wait_for(const struct cp_helper *h, short events, int64_t until)
{
	int64_t left = until - cp_now_ns(CLOCK_MONOTONIC);
	struct timespec ts = {left / 1000000000, left % 1000000000};
	struct pollfd p = {h->fd, events, 0};
	long r = left > 0 ? CP_SYS(SYS_ppoll, &p, 1, &ts, NULL, 0) : 0;

	return r == 0 ? -ETIMEDOUT : r < 0 && r != -EINTR ? (int)r : 0;
}

long cp_helper_write(struct cp_helper *h, const char *p, size_t n, int64_t until)
{
	size_t done = 0;

	while (done < n) {
		long r = CP_SYS(SYS_sendto, h->fd, p + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT,
				NULL, 0);

		if (r == -EAGAIN)
			r = wait_for(h, POLLOUT, until);
		else if (r == -EPIPE || r == -ECONNRESET)
			return 0;
		if (r < 0 && r != -EINTR)
			return r;
		done += r > 0 ? (size_t)r : 0;
	}
	return (long)done;
}

long cp_helper_read(struct cp_helper *h, char *p, size_t n, int64_t until)
{
	for (;;) {
		long r = CP_SYS(SYS_recvfrom, h->fd, p, n, MSG_DONTWAIT, NULL, NULL);

		if (r == -ECONNRESET)
			return 0;
		if (r >= 0 || (r != -EAGAIN && r != -EINTR))
			return r;
		r = wait_for(h, POLLIN, until);
		if (r)
			return r;
	}
}
