/* SPDX-License-Identifier: MIT */
/*
 * eintr.c - blocks in every call that a signal may break off, and counts how often one did
 *
 * Context  TEST: eintr quiet ROUNDS: nobody sends signals, threads only compute and wait.
 *          eintr kicked KICKS: each wait gets KICKS signals of the host's own, to a handler
 *          without SA_RESTART, then to one with it.
 *          eintr deaf ROUNDS: threads that block every signal, and waits that let them in.
 *          eintr children ROUNDS: others wait while one forks, whose children nobody asked to
 *          hear of.
 *          eintr raw 1: a handler of SIGPROF that the kernel was asked for, and then others.
 *          eintr stale 1, with the agent only: a sample that is pending when its timer is gone,
 *          as before Linux 6.13.
 *          eintr mask 1, with the agent only: what may come while a sample is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

static long wait_ns = MS; /* how long each wait may last */
static int brief = 1;	  /* or for ever, where the call can */

static struct timespec soon(void)
{
	return (struct timespec){wait_ns / 1000000000, wait_ns % 1000000000};
}

static struct timespec until(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += wait_ns % 1000000000;
	t.tv_sec += wait_ns / 1000000000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* CPU time is what brings samples. */
static void compute(long ns)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < ns);
}

/* --- the waits: each answers what its call did ---------------------------------- */

static int pipe_fd[2], epoll_fd, pair[2], listener, queue, set;
static const sigset_t none;

static void open_all(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct timeval tv = {wait_ns / 1000000000, wait_ns % 1000000000 / 1000};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (pipe(pipe_fd) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		exit(8);
	epoll_fd = epoll_create1(0);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fd[0], &ev);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (brief) {
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	}
	queue = msgget(IPC_PRIVATE, 0600);
	set = semget(IPC_PRIVATE, 1, 0600);
	if (queue < 0 || set < 0)
		exit(8);
	if (bind(listener, (void *)&addr, sizeof(sa_family_t)) || listen(listener, 0))
		exit(8);
}

static int wait_poll(void)
{
	return poll(&(struct pollfd){pipe_fd[0], POLLIN, 0}, 1, (int)(wait_ns / MS));
}

static int wait_ppoll(void)
{
	struct timespec t = soon();

	return ppoll(&(struct pollfd){pipe_fd[0], POLLIN, 0}, 1, &t, &none);
}

static int wait_epoll_wait(void)
{
	struct epoll_event ev;

	return epoll_wait(epoll_fd, &ev, 1, (int)(wait_ns / MS));
}

static int wait_epoll_pwait(void)
{
	struct epoll_event ev;

	return epoll_pwait(epoll_fd, &ev, 1, (int)(wait_ns / MS), &none);
}

static int wait_select(void)
{
	struct timeval tv = {wait_ns / 1000000000, wait_ns % 1000000000 / 1000};
	fd_set in;

	FD_ZERO(&in);
	FD_SET(pipe_fd[0], &in);
	return select(pipe_fd[0] + 1, &in, NULL, NULL, &tv);
}

static int wait_pselect(void)
{
	struct timespec t = soon();

	return pselect(0, NULL, NULL, NULL, &t, &none);
}

static int wait_nanosleep(void)
{
	struct timespec t = soon();

	return nanosleep(&t, NULL);
}

static int wait_clock_nanosleep(void)
{
	struct timespec t = until();

	errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
	return errno ? -1 : 0;
}

static int wait_usleep(void)
{
	return usleep((useconds_t)(wait_ns / 1000));
}

static int wait_sem_timedwait(void)
{
	static sem_t sem;
	struct timespec t = until();

	return sem_timedwait(&sem, &t);
}

static int wait_sem_wait(void)
{
	static sem_t sem;

	return sem_wait(&sem);
}

static int wait_read(void)
{
	char c;

	return (int)read(pipe_fd[0], &c, 1);
}

static int wait_recv(void)
{
	char c;

	return (int)recv(pair[0], &c, 1, 0);
}

static int wait_accept(void)
{
	return accept(listener, NULL, NULL);
}

/* To a listener whose queue is full. */
static int wait_connect(void)
{
	static int full = -1;
	struct timeval tv = {wait_ns / 1000000000, wait_ns % 1000000000 / 1000};
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int fd, r, err;

	if (full < 0) {
		full = socket(AF_UNIX, SOCK_STREAM, 0);
		memset(&addr, 0, sizeof(addr));
		addr.sun_family = AF_UNIX;
		if (bind(full, (void *)&addr, sizeof(sa_family_t)) || listen(full, 0))
			exit(8);
		getsockname(full, (void *)&addr, &len);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (void *)&addr, len))
			exit(8);
	}
	len = sizeof(addr);
	getsockname(full, (void *)&addr, &len);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (brief)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	r = connect(fd, (void *)&addr, len);
	err = errno;
	close(fd);
	errno = err;
	return r;
}

static int wait_futex(void)
{
	static int word;
	struct timespec t = soon();

	return (int)syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, brief ? &t : NULL, NULL, 0);
}

/* Not broken off by time: somebody posts, once for every call, or never. */
static sem_t wanted;

static void *posts(void *arg)
{
	struct {
		long type;
		char text[8];
	} m = {1, ""};

	for (;;) {
		while (sem_wait(&wanted))
			;
		usleep(500);
		if (msgsnd(queue, &m, 1, 0))
			return arg;
	}
}

static int wait_msgrcv(void)
{
	struct {
		long type;
		char text[8];
	} m;

	if (brief)
		sem_post(&wanted);
	return (int)msgrcv(queue, &m, 1, 0, 0);
}

static int wait_semtimedop(void)
{
	struct sembuf op = {0, -1, 0};
	struct timespec t = soon();

	return semtimedop(set, &op, 1, &t);
}

static int wait_io_getevents(void)
{
	static aio_context_t aio;
	struct timespec t = soon();
	struct io_event ev;

	if (!aio && syscall(SYS_io_setup, 4, &aio))
		exit(8);
	return (int)syscall(SYS_io_getevents, aio, 1L, 1L, &ev, &t);
}

static int wait_sigtimedwait(void)
{
	struct timespec t = soon();
	sigset_t urgent;

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	return sigtimedwait(&urgent, NULL, &t);
}

/* The kernel begins a fork anew when a signal comes meanwhile. */
static int wait_fork(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, &status, 0);
}

struct wait {
	const char *name;
	int (*call)(void);
	int never_kicked; /* it does not block for long */
	int only_kicked;  /* it blocks for ever */
	/* of a thread */
	_Atomic long broken, hits, tid, kicks;
};

static struct wait waits[] = {
	{.name = "poll", .call = wait_poll},
	{.name = "ppoll", .call = wait_ppoll},
	{.name = "epoll_wait", .call = wait_epoll_wait},
	{.name = "epoll_pwait", .call = wait_epoll_pwait},
	{.name = "select", .call = wait_select},
	{.name = "pselect", .call = wait_pselect},
	{.name = "nanosleep", .call = wait_nanosleep},
	{.name = "clock_nanosleep", .call = wait_clock_nanosleep},
	{.name = "usleep", .call = wait_usleep, .never_kicked = 1}, /* a second at most */
	{.name = "sem_timedwait", .call = wait_sem_timedwait},
	{.name = "sem_wait", .call = wait_sem_wait, .only_kicked = 1},
	{.name = "read", .call = wait_read, .only_kicked = 1},
	{.name = "recv", .call = wait_recv},
	{.name = "accept", .call = wait_accept},
	{.name = "connect", .call = wait_connect},
	{.name = "futex", .call = wait_futex},
	{.name = "msgrcv", .call = wait_msgrcv},
	{.name = "semtimedop", .call = wait_semtimedop},
	{.name = "io_getevents", .call = wait_io_getevents},
	{.name = "sigtimedwait", .call = wait_sigtimedwait},
	{.name = "fork", .call = wait_fork, .never_kicked = 1},
};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

/* --- quiet ------------------------------------------------------------------------ */

static long rounds;

static void *computes_and_waits(void *arg)
{
	struct wait *w = arg;
	unsigned seed = (unsigned)(w - waits);

	for (long i = 0; i < rounds; i++) {
		compute(rand_r(&seed) % (2 * MS));
		if (w->call() < 0 && errno == EINTR)
			w->broken++;
	}
	return NULL;
}

static void quiet(void)
{
	pthread_t thread[WAITS];

	for (size_t i = 0; i < WAITS; i++)
		if (!waits[i].only_kicked)
			pthread_create(&thread[i], NULL, computes_and_waits, &waits[i]);
	for (size_t i = 0; i < WAITS; i++) {
		if (waits[i].only_kicked)
			continue;
		pthread_join(thread[i], NULL);
		printf("%s: EINTR %ld\n", waits[i].name, waits[i].broken);
	}
}

/* --- kicked ------------------------------------------------------------------------- */

static __thread struct wait *mine;

static void on_kick(int sig)
{
	(void)sig;
	compute(MS / 2);
	mine->hits++;
}

static void *waits_for_kicks(void *arg)
{
	mine = arg;
	mine->tid = (long)syscall(SYS_gettid);
	while (mine->hits < mine->kicks)
		if (mine->call() < 0 && errno == EINTR) {
			mine->broken++;
			compute(MS / 2);
		}
	return NULL;
}

/* Is the thread asleep in a call? */
static int is_blocked(long tid)
{
	char path[64], text[512], *p;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", tid);
	f = fopen(path, "r");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = 0;
	p = strrchr(text, ')');
	return p && p[2] == 'S';
}

/* Restarted calls have no time left to count: the last signal is the one that ends the
 * wait, by a handler that does not restart. */
static void kick_one(struct wait *w, long kicks, int flags)
{
	struct sigaction act = {.sa_handler = on_kick, .sa_flags = flags};
	pthread_t thread;

	w->broken = w->hits = w->tid = 0;
	w->kicks = kicks + 1;
	sigaction(SIGUSR2, &act, NULL);
	pthread_create(&thread, NULL, waits_for_kicks, w);
	for (long k = 0; k <= kicks; k++) {
		if (k == kicks) {
			act.sa_flags = 0;
			sigaction(SIGUSR2, &act, NULL);
		}
		while (!w->tid || !is_blocked(w->tid))
			usleep(200);
		pthread_kill(thread, SIGUSR2);
		while (w->hits <= k)
			usleep(200);
	}
	pthread_join(thread, NULL);
	printf("%s %s: hits %ld EINTR %ld\n", w->name, flags ? "restart" : "plain", w->hits,
	       w->broken);
}

static void kicked(void)
{
	for (size_t i = 0; i < WAITS; i++) {
		if (waits[i].never_kicked)
			continue;
		kick_one(&waits[i], rounds, 0);
		kick_one(&waits[i], rounds, SA_RESTART);
	}
}

/* --- deaf ----------------------------------------------------------------------------- */

static int deaf_sigsuspend(void)
{
	sigset_t all_but_alarm;
	struct timespec t = {0, 2 * MS};
	struct itimerspec when = {{0, 0}, t};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	timer_t timer;
	int r;

	/* Only the alarm may end it; we look how many did. */
	sigfillset(&all_but_alarm);
	sigdelset(&all_but_alarm, SIGALRM);
	sigdelset(&all_but_alarm, SIGPROF);
	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &when, NULL);
	r = sigsuspend(&all_but_alarm);
	timer_delete(timer);
	return r;
}

static int all_signals(int how)
{
	struct timespec t = soon();
	siginfo_t info;
	sigset_t all;

	sigfillset(&all);
	switch (how) {
	case 0:
		return sigtimedwait(&all, &info, &t);
	case 1: {
		struct signalfd_siginfo got;
		int fd = signalfd(-1, &all, SFD_NONBLOCK);
		int r = (int)read(fd, &got, sizeof(got)) < 0 ? -1 : (int)got.ssi_signo;

		close(fd);
		return r;
	}
	default: {
		int sig = 0;

		kill(getpid(), SIGURG);
		return sigwait(&all, &sig) ? -1 : sig;
	}
	}
}

static int deaf_sigtimedwait(void)
{
	return all_signals(0);
}

static int deaf_signalfd(void)
{
	return all_signals(1);
}

static int deaf_sigwait(void)
{
	return all_signals(2);
}

/* Sent by the host itself, by the name samples come by: it is the host's. */
static int deaf_prof(void)
{
	siginfo_t info;
	sigset_t prof;

	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	kill(getpid(), SIGPROF);
	return sigwaitinfo(&prof, &info) == SIGPROF && info.si_code == SI_USER ? SIGPROF : 0;
}

static int deaf_sigwaitinfo(void)
{
	siginfo_t info;
	sigset_t all;

	sigfillset(&all);
	kill(getpid(), SIGURG);
	return sigwaitinfo(&all, &info);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Does the call last as long as it should? The others are ended by a signal. */
static int takes_time(const char *name)
{
	return strstr(name, "poll") || strstr(name, "select") || strstr(name, "time") ||
	       strstr(name, "suspend");
}

static void call_deaf(const char *name, int (*call)(void))
{
	long broken = 0, short_ones = 0, got[65] = {0};

	for (long k = 0; k < rounds; k++) {
		struct timespec a, b;
		int r;

		compute(5 * MS); /* longer than any kernel's tick, but the slowest's */
		clock_gettime(CLOCK_MONOTONIC, &a);
		r = call();
		broken += r < 0 && errno == EINTR;
		clock_gettime(CLOCK_MONOTONIC, &b);
		got[r > 0 && r < 65 ? r : 0]++;
		short_ones += (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < MS;
	}
	printf("%s: EINTR %ld", name, broken);
	for (int sig = 1; sig < 65; sig++)
		if (got[sig])
			printf(" signal %d %ld", sig, got[sig]);
	printf(" too short %ld\n", takes_time(name) ? short_ones : 0);
}

static void stale(void)
{
	struct timespec at_once = {0, 0};
	siginfo_t info = {.si_signo = SIGPROF, .si_code = SI_TIMER};
	sigset_t prof;
	int r;

	info.si_ptr = (void *)((uintptr_t)0xc9f0c95 << 32); /* as tick.c says of its own */
	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	sigprocmask(SIG_BLOCK, &prof, NULL);
	r = sigtimedwait(&prof, NULL, &at_once);
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGPROF, &info))
		exit(8);
	printf("stale: %d, %d\n", r, sigtimedwait(&prof, NULL, &at_once));
}

/* One thread, so that all signals of the process are its own. */
static void deaf(void)
{
	static const struct {
		const char *name;
		int (*call)(void);
	} calls[] = {
		{"ppoll", wait_ppoll},	     {"epoll_pwait", wait_epoll_pwait},
		{"pselect", wait_pselect},   {"sigtimedwait", deaf_sigtimedwait},
		{"sigwait", deaf_sigwait},   {"sigwaitinfo", deaf_sigwaitinfo},
		{"SIGPROF", deaf_prof},	     {"sigsuspend", deaf_sigsuspend},
		{"signalfd", deaf_signalfd}, {"sigtimedwait after it", deaf_sigtimedwait},
	};
	struct sigaction act = {.sa_handler = on_alarm};
	sigset_t all;

	sigaction(SIGALRM, &act, NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		call_deaf(calls[i].name, calls[i].call);
}

/* --- children ------------------------------------------------------------------- */

static atomic_int over;

static void *waits_on(void *broken)
{
	struct epoll_event ev;
	int fd = epoll_create1(0);

	while (!over)
		*(long *)broken += epoll_wait(fd, &ev, 1, 20) < 0;
	close(fd);
	return NULL;
}

static void children(void)
{
	enum { WAITERS = 3 };
	pthread_t waiter[WAITERS];
	long broken[WAITERS] = {0};

	for (int i = 0; i < WAITERS; i++)
		pthread_create(&waiter[i], NULL, waits_on, &broken[i]);
	for (long k = 0; k < rounds; k++) {
		for (int i = 0; i < 8; i++)
			if (fork() == 0)
				_exit(0);
		compute(MS); /* some of them end while a sample is taken */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	over = 1;
	for (int i = 0; i < WAITERS; i++)
		pthread_join(waiter[i], NULL);
	printf("children: EINTR %ld\n", broken[0] + broken[1] + broken[2]);
}

/* Which of these are blocked while the handler of SIGPROF runs? */
static void tell_mask(const char *when)
{
	static const int sigs[] = {SIGTERM, SIGUSR2, SIGHUP, SIGCHLD, SIGWINCH, SIGURG, SIGCONT};
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} kernel;

	if (syscall(SYS_rt_sigaction, SIGPROF, NULL, &kernel, sizeof(kernel.mask)))
		exit(9);
	printf("%s:", when);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (kernel.mask >> (sigs[i] - 1) & 1)
			printf(" %s", sigabbrev_np(sigs[i]));
	printf("\n");
}

/* As runtimes do that don't ask libc, Go's for one. */
static void raw(void)
{
	struct sigaction act = {.sa_handler = on_alarm};
	char kernel[64];

	sigaction(SIGVTALRM, &act, NULL);
	if (syscall(SYS_rt_sigaction, SIGVTALRM, NULL, kernel, 8L) ||
	    syscall(SYS_rt_sigaction, SIGPROF, kernel, NULL, 8L))
		exit(9);
	sigaction(SIGCHLD, &act, NULL);
	signal(SIGURG, on_alarm);
	kill(getpid(), SIGPROF);
	printf("raw: it is the program's\n");
}

static void mask(void)
{
	struct sigaction act = {.sa_handler = on_alarm};

	tell_mask("at first");
	signal(SIGWINCH, SIG_DFL);
	tell_mask("WINCH by default");
	sigaction(SIGCHLD, &act, NULL);
	tell_mask("CHLD handled");
	sysv_signal(SIGURG, on_alarm);
	signal(SIGHUP, on_alarm);
	tell_mask("URG and HUP handled");
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "";
	pthread_t poster;

	rounds = argc > 2 ? atol(argv[2]) : 0;
	brief = strcmp(how, "kicked") != 0;
	if (!brief)
		wait_ns = 600000 * MS;
	open_all();
	sem_init(&wanted, 0, 0);
	if (!strcmp(how, "quiet")) {
		pthread_create(&poster, NULL, posts, NULL);
		quiet();
	} else if (!strcmp(how, "kicked")) {
		kicked();
	} else if (!strcmp(how, "deaf")) {
		deaf();
	} else if (!strcmp(how, "children")) {
		children();
	} else if (!strcmp(how, "mask")) {
		mask();
	} else if (!strcmp(how, "raw")) {
		raw();
	} else if (!strcmp(how, "stale")) {
		stale();
	}
	msgctl(queue, IPC_RMID, NULL);
	semctl(set, 0, IPC_RMID);
	return 0;
}
