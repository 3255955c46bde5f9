/* SPDX-License-Identifier: MIT */
// libs: -lpthread
/*
 * standing.c - threads that stand where the test knows them to be
 *
 * usage: standing waits       one thread for each thing a thread can wait for
 *        standing two         a deadlock of two mutexes
 *        standing three       one of three locks, each held for writing
 *        standing self        a mutex locked twice by one thread
 *        standing join        a thread waits for the end of one that waits for its mutex
 *        standing inherit     one of two mutexes that lend their priority
 *        standing relock      a condition has come, and its mutex is not to be had
 *        standing lost        waits on a condition variable nobody will signal
 *        standing timed       two that would be dead but for a timeout
 *        standing jumped      a wait left by siglongjmp, and its thread elsewhere
 *        standing traffic     four threads take each other's locks, in order, for ever
 *        standing static      a thread waits for the end of one whose stack is a variable
 *        standing blocked N   N threads blocked in all kinds of calls
 *        standing crowd N     N threads that wait for one semaphore
 *        standing busy N      N threads that compute
 *        standing churn N     N threads that come and go, some cancelled, while children are
 *                             forked; in the end its main thread leaves
 *
 *        standing relay       one thread after another, each made by the one before, computes
 *                             for a tenth of a second; then SIGTERM ends it like any other
 *
 *        standing dropped ...  any of these, as another user than at its start
 *
 * Context  TEST: prints a line with one word, "there", when all stand; then stays, until
 *          SIGTERM, when it prints what it counted: interrupted calls, and the longest time
 *          a busy thread was kept from its work while it had a processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lent_a, lent_b;
struct {
	int something;
	pthread_rwlock_t lock[3];
} table = {.lock = {PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER,
		    PTHREAD_RWLOCK_INITIALIZER}};
pthread_cond_t cond_a = PTHREAD_COND_INITIALIZER;
sem_t sem_a;
pthread_barrier_t barrier_a;

static atomic_uint ready, interrupted;
static atomic_long longest_ns;
static pthread_t threads[16];

static void say_ready(const char *name)
{
	prctl(PR_SET_NAME, name);
	atomic_fetch_add(&ready, 1);
}

static void wait_ready(unsigned n)
{
	while (atomic_load(&ready) < n)
		usleep(1000);
}

/* Counts calls that were cut short; it must stay 0. */
static void note(long r)
{
	if (r < 0 && errno == EINTR)
		atomic_fetch_add(&interrupted, 1);
}

static NOINLINE void hold_a(void)
{
	pthread_mutex_lock(&lock_a);
	say_ready("holder");
	for (;;)
		pause();
}

static NOINLINE void want_a(const char *name)
{
	say_ready(name);
	pthread_mutex_lock(&lock_a);
	abort();
}

static NOINLINE void wait_cond(void)
{
	pthread_mutex_lock(&lock_b);
	say_ready("cond");
	for (;;)
		pthread_cond_wait(&cond_a, &lock_b);
}

static NOINLINE void wait_sem(void)
{
	say_ready("sem");
	note(sem_wait(&sem_a));
}

static NOINLINE void wait_barrier(void)
{
	say_ready("barrier");
	pthread_barrier_wait(&barrier_a);
}

static NOINLINE void wait_sleep(void)
{
	struct timespec ts = {100000, 0};

	say_ready("sleep");
	note(nanosleep(&ts, NULL));
}

static NOINLINE void wait_poll(void)
{
	struct pollfd p = {.fd = -1};

	say_ready("poll");
	note(poll(&p, 1, -1));
}

static NOINLINE void wait_read(void)
{
	int fd[2];
	char c;

	if (pipe(fd))
		abort();
	say_ready("read");
	note(read(fd[0], &c, 1));
}

/* It didn't block before, and was read for so long that this is known: another thread computes. */
static NOINLINE void wait_again(void)
{
	int fd[2];
	char c;

	if (pipe2(fd, O_NONBLOCK))
		abort();
	for (int i = 0; i < 200; i++) {
		if (read(fd[0], &c, 1) != -1 || errno != EAGAIN)
			abort();
		usleep(1000);
	}
	fcntl(fd[0], F_SETFL, 0);
	say_ready("again");
	note(read(fd[0], &c, 1));
}

/* A call nobody has a wrapper for. */
static NOINLINE void wait_flock(void)
{
	int one = open("/tmp", O_RDONLY | O_TMPFILE | O_RDWR, 0600), two;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", one);
	two = open(path, O_RDWR);
	flock(one, LOCK_EX);
	say_ready("flock");
	note(flock(two, LOCK_EX));
}

static NOINLINE void wait_join(void)
{
	say_ready("join");
	pthread_join(threads[0], NULL);
}

static NOINLINE void spin(void)
{
	say_ready("spinner");
	for (;;)
		atomic_load(&ready);
}

static void *start(void *arg)
{
	switch ((long)arg) {
	case 0:
		hold_a();
	case 1:
		want_a("waiter");
	case 2:
		wait_cond();
		break;
	case 3:
		wait_sem();
		break;
	case 4:
		wait_barrier();
		break;
	case 5:
		wait_sleep();
		break;
	case 6:
		wait_poll();
		break;
	case 7:
		wait_read();
		break;
	case 8:
		wait_flock();
		break;
	case 9:
		wait_join();
		break;
	case 10:
		spin();
		break;
	case 11:
		wait_again();
	}
	return NULL;
}

static void make(long i, void *(*fn)(void *))
{
	unsigned before = atomic_load(&ready);

	if (pthread_create(&threads[i], NULL, fn, (void *)i))
		abort();
	wait_ready(before + 1);
}

static void waits(void)
{
	for (long i = 0; i <= 11; i++)
		make(i, start);
}

/* --- deadlocks ------------------------------------------------------------- */

static pthread_barrier_t all_have_one;

static void pairs(unsigned n, void *(*fn)(void *))
{
	pthread_barrier_init(&all_have_one, NULL, n);
	for (long i = 0; i < (long)n; i++)
		make(i, fn);
}

static NOINLINE void lock_two(pthread_mutex_t *first, pthread_mutex_t *second)
{
	pthread_mutex_lock(first);
	pthread_barrier_wait(&all_have_one);
	pthread_mutex_lock(second);
	abort();
}

static void *two(void *arg)
{
	say_ready(arg ? "two-b" : "two-a");
	lock_two(arg ? &lock_b : &lock_a, arg ? &lock_a : &lock_b);
	return NULL;
}

static void *inherit(void *arg)
{
	static pthread_mutex_t *const lock[] = {&lent_a, &lent_b};
	long i = (long)arg;

	say_ready(arg ? "inherit-b" : "inherit-a");
	lock_two(lock[i], lock[1 - i]);
	return NULL;
}

static void inherits(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&lent_a, &attr);
	pthread_mutex_init(&lent_b, &attr);
	pairs(2, inherit);
}

static void *woken(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock_b);
	pthread_mutex_lock(&lock_a);
	say_ready("woken");
	pthread_cond_wait(&cond_a, &lock_a);
	abort();
}

static void *waker(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock_a);
	pthread_cond_signal(&cond_a);
	say_ready("waker");
	pthread_mutex_lock(&lock_b);
	abort();
}

static NOINLINE void write_next(long i)
{
	pthread_rwlock_wrlock(&table.lock[i]);
	pthread_barrier_wait(&all_have_one);
	if (i == 1)
		pthread_rwlock_rdlock(&table.lock[2]);
	else
		pthread_rwlock_wrlock(&table.lock[(i + 1) % 3]);
	abort();
}

static void *three(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "three-%ld", (long)arg);
	say_ready(name);
	write_next((long)arg);
	return NULL;
}

static void *self(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock_a);
	want_a("self");
	return NULL;
}

static void *joined(void *arg)
{
	(void)arg;
	want_a("joined");
	return NULL;
}

static void *joiner(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock_a);
	make(1, joined);
	say_ready("joiner");
	pthread_join(threads[1], NULL);
	abort();
}

static char its_stack[256 << 10] __attribute__((aligned(4096)));

static void *standing_there(void *arg)
{
	say_ready("there");
	for (;;)
		pause();
	return arg;
}

static void *waits_for_it(void *arg)
{
	say_ready("join");
	pthread_join(threads[0], NULL);
	return arg;
}

/* What is waited for is then in the program's own memory, as a lock may be. */
static void on_a_variable(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, its_stack, sizeof(its_stack));
	if (pthread_create(&threads[0], &attr, standing_there, NULL))
		abort();
	wait_ready(1);
	make(1, waits_for_it);
}

static void *lost(void *arg)
{
	(void)arg;
	wait_cond();
	return NULL;
}

static NOINLINE void lock_timed(pthread_mutex_t *first, pthread_mutex_t *second)
{
	struct timespec until;

	pthread_mutex_lock(first);
	pthread_barrier_wait(&all_have_one);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1000;
	pthread_mutex_timedlock(second, &until);
}

static void *timed(void *arg)
{
	say_ready("timed");
	lock_timed(arg ? &lock_b : &lock_a, arg ? &lock_a : &lock_b);
	return NULL;
}

static sigjmp_buf elsewhere;

static void jump(int sig)
{
	(void)sig;
	siglongjmp(elsewhere, 1);
}

/* Waits for lock_a, is jumped out of it, and goes on to stand elsewhere; while the holder
 * of lock_a waits for what this thread holds. */
static void *jumped(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock_b);
	signal(SIGUSR2, jump);
	if (!sigsetjmp(elsewhere, 1))
		want_a("jumper");
	wait_flock();
	return NULL;
}

static void *a_then_b(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock_a);
	say_ready("a-then-b");
	usleep(100000);
	pthread_mutex_lock(&lock_b);
	return NULL;
}

/* --- a healthy program ------------------------------------------------------- */

static pthread_mutex_t fork_of[4] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
				     PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

static NOINLINE void eat(unsigned i)
{
	unsigned a = i % 4, b = (i + 1 + i % 3) % 4;
	unsigned lo = a < b ? a : b, hi = a < b ? b : a;

	pthread_mutex_lock(&fork_of[lo]);
	if (hi != lo)
		pthread_mutex_lock(&fork_of[hi]);
	for (volatile int k = 0; k < 200; k++)
		;
	if (hi != lo)
		pthread_mutex_unlock(&fork_of[hi]);
	pthread_mutex_unlock(&fork_of[lo]);
}

static void *philosopher(void *arg)
{
	unsigned i = (unsigned)(long)arg;

	say_ready("philosopher");
	for (;; i = i * 1664525 + 1013904223)
		eat(i >> 8);
	return NULL;
}

/* --- many ---------------------------------------------------------------------- */

static void *one_of_many(void *arg)
{
	static void (*const stand[])(void) = {wait_sem,	 wait_sleep, wait_poll,
					      wait_read, wait_flock, wait_cond};

	stand[(long)arg % 6]();
	return NULL;
}

static void *one_of_a_crowd(void *arg)
{
	(void)arg;
	wait_sem();
	return NULL;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER; /* closed while threads are made */

/* Time that passes on the thread's own clock between two looks at it, while it does
 * nothing else, is time somebody took from it in its own name. */
static void *busy(void *arg)
{
	int64_t last, now;

	(void)arg;
	pthread_rwlock_rdlock(&gate); /* the first would leave little to who makes the others */
	pthread_rwlock_unlock(&gate);
	say_ready("busy");
	last = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (;; last = now) {
		long seen = atomic_load(&longest_ns);

		now = now_ns(CLOCK_THREAD_CPUTIME_ID);
		while (now - last > seen &&
		       !atomic_compare_exchange_weak(&longest_ns, &seen, now - last))
			;
	}
	return NULL;
}

static void many(unsigned n, void *(*fn)(void *))
{
	struct rlimit files = {0};
	pthread_attr_t attr;
	pthread_t t;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	pthread_rwlock_wrlock(&gate);
	for (long i = 0; i < (long)n; i++)
		if (pthread_create(&t, &attr, fn, (void *)i))
			abort();
	pthread_rwlock_unlock(&gate); /* all at once */
	wait_ready(n);
}

/* --- coming and going ------------------------------------------------------------- */

static void *short_lived(void *arg)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
	while (arg) /* until it is cancelled */
		pause();
	return NULL;
}

static void run_one(bool cancelled)
{
	pthread_t t;

	if (pthread_create(&t, NULL, short_lived, cancelled ? "" : NULL))
		abort();
	if (cancelled)
		pthread_cancel(t);
	pthread_join(t, NULL);
}

static void run_child(bool exec)
{
	pid_t child = fork();

	if (!child) {
		if (exec)
			execl("/bin/true", "true", NULL);
		run_one(false);
		_exit(0);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		abort();
}

static void churn(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		run_one(i % 16 == 15);
		if (i % 64 == 63)
			run_child(i % 128 == 127);
	}
}

/* --- nobody for long ----------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void *run_a_leg(void *unused)
{
	double end = seconds() + 0.1;
	pthread_t next;

	while (seconds() < end)
		;
	if (pthread_create(&next, NULL, run_a_leg, NULL))
		abort();
	pthread_detach(next);
	return unused;
}

static void relay(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	puts("there");
	fflush(stdout);
	run_a_leg(NULL);
	pthread_exit(NULL);
}

/* --- another user ------------------------------------------------------------------- */

/* Not before the server has told its address, in a directory that is closed to the other. */
static void drop(void)
{
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*.%d.http", getenv("CPROF_DIR"), (int)getpid());
	while (glob(pattern, 0, NULL, &found))
		usleep(10000);
	globfree(&found);
	if (setuid(65534))
		abort();
}

/* --- main ------------------------------------------------------------------------ */

static bool prepare(const char *what, unsigned n)
{
	if (!strcmp(what, "waits"))
		waits();
	else if (!strcmp(what, "two"))
		pairs(2, two);
	else if (!strcmp(what, "three"))
		pairs(3, three);
	else if (!strcmp(what, "self"))
		make(0, self);
	else if (!strcmp(what, "join"))
		make(0, joiner);
	else if (!strcmp(what, "inherit"))
		inherits();
	else if (!strcmp(what, "relock")) {
		make(0, woken);
		make(1, waker);
	} else if (!strcmp(what, "static"))
		on_a_variable();
	else if (!strcmp(what, "lost"))
		make(0, lost);
	else if (!strcmp(what, "timed"))
		pairs(2, timed);
	else if (!strcmp(what, "jumped")) {
		make(0, a_then_b);
		make(1, jumped);
		usleep(200000);
		pthread_kill(threads[1], SIGUSR2);
		wait_ready(3);
	} else if (!strcmp(what, "traffic"))
		for (long i = 0; i < 4; i++)
			make(i, philosopher);
	else if (!strcmp(what, "blocked"))
		many(n, one_of_many);
	else if (!strcmp(what, "crowd"))
		many(n, one_of_a_crowd);
	else if (!strcmp(what, "busy"))
		many(n, busy);
	else if (!strcmp(what, "churn"))
		churn(n);
	else
		return false;
	return true;
}

static NOINLINE void main_waits(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	while (sigwait(&set, &sig))
		;
}

static void *stay(void *unused)
{
	usleep(100000);
	puts("there");
	fflush(stdout);
	main_waits();
	printf("interrupted %u longest %ld us\n", atomic_load(&interrupted),
	       atomic_load(&longest_ns) / 1000);
	fflush(stdout);
	_exit(0);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t last;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sem_init(&sem_a, 0, 0);
	pthread_barrier_init(&barrier_a, NULL, 2);
	if (argc > 2 && !strcmp(argv[1], "dropped")) {
		drop();
		argc--;
		argv++;
	}
	if (argc == 2 && !strcmp(argv[1], "relay"))
		relay();
	if (argc < 2 || !prepare(argv[1], argc > 2 ? (unsigned)atoi(argv[2]) : 0))
		return 2;
	if (strcmp(argv[1], "churn") != 0)
		stay(NULL);
	if (pthread_create(&last, NULL, stay, NULL))
		abort();
	pthread_exit(NULL);
}
