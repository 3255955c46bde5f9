/* SPDX-License-Identifier: MIT */
/*
 * helper.c - a program run beside the host, unseen by it
 *
 * Context  CONTROL; EARLY, HOST, EXIT as helper.h says; keeper() and child() in processes of
 *          their own, on stacks of their own, with the host's memory: system calls only
 * Calls    rt, peek.h.
 * Shared   struct cp_helper_shared: `started` is written by the keeper and waited for
 *          by the job. st.life, in memory a forked child finds zeroed, which is: no keeper.
 *          st.left: of the host's own thread, then of the job's.
 * Order    started: rel by keeper() / acq by wait_started(). It is a futex word.
 *          word is changed by read-modify-write only, always acq_rel. A keeper's pid stands
 *          there until it is reaped. Who sets BUSY beside it, the job, or TOLD, once the process
 *          ends, is alone in signalling it; the first reaps it too, the second leaves that to the
 *          end of the process. BUSY alone: one is being made. ENDED, once set, stays: none is
 *          made any more, and BUSY is not set again.
 * Holds    job -> keeper -> program. The keeper has no exit signal and is reaped with __WALL or
 *          __WCLONE. It alone signals and reaps the program, so that no pid is used after it
 *          might be someone else's; and it ends after the program, whoever tells it to: the
 *          job, the end of the process, or the kernel when the job's thread is gone (an exec).
 *          The keeper shares the job's own table of descriptors, so that it holds none
 *          open by itself; the program's copy is closed but for 0, 1, 2.
 * Fails    see helper.h. One that takes too long to begin costs the memory of its start.
 * Why      exec gives back to a process the exit signal it was cloned without: as our
 *          own child the program would send SIGCHLD to the host and be found by its
 *          wait(). So it is the child of one that does not exec.
 *          Children that outlive their parent go to a stranger, a service manager say, who
 *          gets SIGCHLD for them and pids he does not know.
 */
#include "helper.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/clone.h"
#include "../rt/filter.h"
#include "../rt/sigact.h"
#include "../rt/sys.h"
#include "../rt/timer.h"
#include "../sample/peek.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STACK	     (16UL * 1024)
#define START_WITHIN 5 /* seconds: the disk may be slow */
#define DESCRIPTORS  65536
#define STOP	     SIGSTKFLT /* to the keeper: nobody else sends it, to a group neither */
#define NAME	     "cprof-keeper"
#define LAST_NS	     50000000LL /* an end waits for it: mostly a tenth of that */
#define FIRST_NS     20000000LL /* a start waits for what may be another's */
#define YOUNG_NS     800000LL
#define MOMENT_NS    500000

enum { NOT_YET, STARTED, FAILED };

struct cp_helper_shared {
	const char *const *argv;
	long host, thread, keeper, child;
	int socket; /* the program's end */
	int error;
	uint32_t started;
};

enum { PID = (1 << 29) - 1, TOLD = 1 << 29, BUSY = 1 << 30 };
#define ENDED (1U << 31)

struct life {
	uint32_t word; /* see Order */
	int64_t until; /* how long the end of the process waits */
};

static struct {
	struct life *life;
	bool left; /* a keeper of the program that was here before may be still there */
} st;

int cp_helper_init(void)
{
	st.life = cp_mem_wiped(sizeof(*st.life));
	return st.life ? 0 : -ENOMEM;
}

/* --- in processes of their own -------------------------------------------- */

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
	if (CP_SYS(SYS_close_range, 3, ~0U, 0) == 0)
		return 0;
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

/* Without it nobody would tell us to end; after an exec the process alone is still there. */
static bool is_started_by_the_living(const struct cp_helper_shared *s)
{
	return CP_SYS(SYS_getppid) == s->host &&
	       CP_SYS(SYS_tgkill, s->host, s->thread, 0) != -ESRCH;
}

/* All signals are blocked, so that one that came before is still there. */
static void wait_for_stop(void)
{
	uint64_t stop = 1ULL << (STOP - 1);

	while (CP_SYS(SYS_rt_sigtimedwait, &stop, NULL, NULL, sizeof(stop)) == -EINTR)
		;
}

static int keeper(void *arg)
{
	struct cp_helper_shared *s = arg;
	char *stack = (char *)s + CP_PAGE + STACK;
	int status;

	CP_SYS(SYS_prctl, PR_SET_PDEATHSIG, STOP);
	if (!is_started_by_the_living(s))
		return 1;
	CP_SYS(SYS_prctl, PR_SET_NAME, NAME);
	s->keeper = cp_sys_getpid();
	cp_sigact_default(SIGCHLD); /* in a host that ignores it a child is gone unreaped */
	s->child = cp_clone_process(CLONE_VM | CLONE_VFORK, child, s, stack + STACK);
	if (s->child < 0)
		s->error = (int)s->child;
	announce(s, s->child < 0 || s->error ? FAILED : STARTED);
	wait_for_stop();
	if (s->child > 0) {
		CP_SYS(SYS_kill, s->child, SIGKILL);
		CP_SYS(SYS_wait4, s->child, &status, __WALL, 0);
	}
	return 0;
}

/* --- whose the keeper is ---------------------------------------------------- */

/* 0, or why none may be made. */
static int claim(void)
{
	uint32_t seen = 0;

	if (cp_cas_acqrel(&st.life->word, &seen, BUSY)) /* see Order */
		return 0;
	return seen & ENDED ? -ECANCELED : -EAGAIN;
}

/* pid: what was made after claim(); 0 or less: nothing. */
static void hand_over(long pid)
{
	cp_add_acqrel(&st.life->word, (uint32_t)CP_MAX(pid, 0) - BUSY); /* see Order */
}

/* True: it is the job's to end. */
static bool take(long pid)
{
	uint32_t seen = (uint32_t)pid;

	return cp_cas_acqrel(&st.life->word, &seen, seen | BUSY); /* see Order */
}

/* Few programs make this call, and a filter may kill for it. */
static bool may_look(void)
{
	return cp_filter_is_none();
}

/* A tracer among hosts may have reaped it as one of his, and the pid be someone else's. */
static bool tell(long pid, int sig)
{
	const int look = WEXITED | WNOHANG | WNOWAIT | __WCLONE;
	siginfo_t info;

	if (may_look() && CP_SYS(SYS_waitid, P_PID, pid, &info, look, 0) == -ECHILD)
		return false;
	return CP_SYS(SYS_kill, pid, sig) == 0;
}

/* At the end of the process, by whoever finds it there first. What is just being made, or reaped
 * by the job, is looked at again: by the job when it is made, too, for its last snapshot takes
 * longer than there is time for. */
static void tell_last(struct life *l)
{
	uint32_t seen = cp_load_acq(&l->word); /* see Order */

	if (!(seen & ENDED) || !(seen & PID) || seen & (BUSY | TOLD))
		return;
	if (!cp_cas_acqrel(&l->word, &seen, seen | TOLD)) /* see Order */
		return;
	if (!tell(seen & PID, STOP))
		cp_and_acqrel(&l->word, ENDED); /* see Order */
}

static void wait_a_moment(void)
{
	const struct timespec ts = {0, MOMENT_NS};
	uint32_t nothing = 0;

	cp_sys_futex_wait(&nothing, 0, &ts);
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
		if (cp_helper_is_over())
			return -ECANCELED;
		if (cp_now_ns(CLOCK_MONOTONIC) > until)
			return -ETIMEDOUT;
		cp_sys_futex_wait(&s->started, NOT_YET, &tick);
	}
	return v == STARTED ? 0 : s->error;
}

static int start_keeper(struct cp_helper *h, const char *const *argv, int socket)
{
	uint64_t mask;
	int r;

	h->shared = cp_mem_map(ROOM);
	if (!h->shared)
		return -ENOMEM;
	h->shared->argv = argv;
	h->shared->host = cp_sys_getpid();
	h->shared->thread = cp_sys_gettid();
	h->shared->socket = socket;
	r = claim();
	if (r)
		return r;
	cp_sys_block_signals(&mask);
	h->keeper = cp_clone_process(CLONE_VM | CLONE_FILES, keeper, h->shared,
				     (char *)h->shared + CP_PAGE + STACK);
	hand_over(h->keeper);
	tell_last(st.life);
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

/* One that hangs in the start of the program hears SIGKILL only. False: it may be there still. */
static bool end_keeper(long pid, bool begun)
{
	bool told = tell(pid, begun ? STOP : SIGKILL);
	int status;

	while (told && CP_SYS(SYS_wait4, pid, &status, __WALL, 0) == -EINTR)
		;
	cp_and_acqrel(&st.life->word, ENDED); /* see Order */
	return told;
}

void cp_helper_stop(struct cp_helper *h)
{
	bool begun = h->keeper > 0 && cp_load_acq(&h->shared->started); /* pairs with announce() */
	bool gone = h->keeper <= 0 || (take(h->keeper) && end_keeper(h->keeper, begun) && begun);

	if (h->fd >= 0)
		cp_sys_close(h->fd);
	/* If it had not begun, its child may be about to find that out, on a stack in there. */
	if (gone)
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

/* --- the ends of processes --------------------------------------------------- */

bool cp_helper_is_over(void)
{
	return cp_load_acq(&st.life->word) & ENDED; /* see Order */
}

void cp_helper_end(void)
{
	struct life *l = st.life;

	if (!cp_or_acqrel(&l->word, ENDED)) /* see Order */
		return;
	l->until = cp_now_ns(CLOCK_MONOTONIC) + LAST_NS;
	tell_last(l);
}

static bool is_gone(struct life *l)
{
	uint32_t seen;
	int status;

	tell_last(l);
	seen = cp_load_acq(&l->word); /* see Order */
	if (seen & TOLD)
		return CP_SYS(SYS_wait4, seen & PID, &status, WNOHANG | __WCLONE, 0) != 0;
	return !(seen & (BUSY | PID));
}

void cp_helper_bury(void)
{
	while (!is_gone(st.life) && cp_now_ns(CLOCK_MONOTONIC) < st.life->until)
		wait_a_moment();
}

/* --- what another program has left in this process ----------------------------- */

static bool is_keeper(long pid)
{
	char path[32], comm[sizeof(NAME)];
	struct cp_buf b = CP_BUF(path);
	long fd, n;

	cp_buf_fmt(&b, "/proc/%d/comm", (int)pid);
	fd = cp_sys_open(path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	n = cp_sys_read((int)fd, comm, sizeof(comm));
	cp_sys_close((int)fd);
	return n == sizeof(comm) && !memcmp(comm, NAME "\n", sizeof(comm));
}

/* Reaps those that are zombies; true: another child of that kind lives, which may be one. */
static bool sweep(void)
{
	const int dead = WEXITED | WNOHANG | WNOWAIT | __WCLONE;
	siginfo_t info = {.si_pid = 0};
	int status;

	while (CP_SYS(SYS_waitid, P_ALL, 0, &info, dead, 0) == 0) {
		uint32_t pid = (uint32_t)info.si_pid;

		if (!pid)
			return true;
		if ((st.life && (cp_load_acq(&st.life->word) & PID) == pid) || !is_keeper(pid))
			return false;
		CP_SYS(SYS_wait4, pid, &status, WNOHANG | __WCLONE, 0);
		info.si_pid = 0;
	}
	return false;
}

/* A helper comes of a snapshot, and none was taken in a process that has spent so little: not worth
 * a look whether a filter lets us look. */
static bool is_young(void)
{
	return cp_timer_cpu_ns(CLOCK_PROCESS_CPUTIME_ID) < YOUNG_NS;
}

void cp_helper_sweep(void)
{
	int64_t until;

	if (is_young())
		return;
	cp_peek_choose();
	st.left = may_look() && sweep();
	if (!st.left)
		return;
	until = cp_now_ns(CLOCK_MONOTONIC) + FIRST_NS;
	while (st.left && cp_now_ns(CLOCK_MONOTONIC) < until) {
		wait_a_moment();
		st.left = sweep();
	}
}

void cp_helper_sweep_again(void)
{
	st.left = st.left && may_look() && sweep();
}
