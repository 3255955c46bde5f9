/* SPDX-License-Identifier: MIT */
/*
 * reentry.c - handlers in handlers, in every call of ours: reentry SECONDS
 *
 * Context  TEST: prints what it counted where that is certain; the same must come out with
 *          the agent. Its threads allocate, lock, ask for their stack's bounds, are made and
 *          end; an alarm of 1 kHz interrupts them; faults are handled on another stack,
 *          slowly; fork handlers and handlers of signals allocate.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stop, bad;
static volatile sig_atomic_t alarms, before_forks, after_forks, allocated;
static long under_lock;

static int is_over(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void complain(int where)
{
	__atomic_fetch_or(&bad, 1 << where, __ATOMIC_RELAXED);
}

static void spin(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

/* --- handlers ------------------------------------------------------------ */

static void on_alarm(int sig)
{
	errno = 1000 + sig;
	alarms++;
	spin(2000);
}

static __thread sigjmp_buf after_fault;

static void on_fault(int sig)
{
	spin(100000); /* long enough to be interrupted */
	siglongjmp(after_fault, sig);
}

static void on_usr2(int sig)
{
	void *p = malloc(100 + (size_t)sig);

	allocated += p != NULL;
	free(p);
}

static void before_fork(void)
{
	free(malloc(5000));
	before_forks++;
}

static void after_fork(void)
{
	free(malloc(6000));
	after_forks++;
}

/* --- threads --------------------------------------------------------------- */

static void *allocates(void *arg)
{
	char *kept[64] = {NULL};

	for (unsigned i = 0; !is_over(); i++) {
		char **p = &kept[i % 64];

		errno = 77;
		free(*p);
		if (errno != 77 && errno != 1000 + SIGALRM)
			complain(0);
		*p = realloc(calloc(1 + i % 7, 13), 30 + i % 3000);
		memset(*p, 1, 30);
	}
	for (int i = 0; i < 64; i++)
		free(kept[i]);
	return arg;
}

static void *locks(void *arg)
{
	while (!is_over()) {
		pthread_mutex_lock(&lock);
		under_lock++;
		spin(200);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void *asks(void *arg)
{
	void *addr;
	size_t size;

	while (!is_over()) {
		pthread_attr_t attr;

		if (pthread_getattr_np(pthread_self(), &attr) ||
		    pthread_attr_getstack(&attr, &addr, &size) || (char *)&attr < (char *)addr)
			complain(1);
		pthread_attr_destroy(&attr);
	}
	return arg;
}

static void *faults(void *arg)
{
	char *volatile nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};

	sigaltstack(&alt, NULL);
	while (!is_over()) {
		int sig = sigsetjmp(after_fault, 1);

		if (!sig)
			*nowhere = 1;
		if (sig != SIGSEGV)
			complain(2);
	}
	alt.ss_flags = SS_DISABLE;
	sigaltstack(&alt, NULL);
	free(alt.ss_sp);
	return arg;
}

static void *ends(void *arg)
{
	free(malloc(100));
	return arg;
}

/* Signals that are raised come between two calls, where allocating is allowed. */
static void *raises(void *arg)
{
	pthread_t t;
	void *got;

	while (!is_over()) {
		raise(SIGUSR2);
		if (pthread_create(&t, NULL, ends, &got) || pthread_join(t, &got) || got != &got)
			complain(3);
	}
	return arg;
}

static void forks(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		free(malloc(1000));
		raise(SIGUSR2);
		_exit(42);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 42)
		complain(4);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static void *(*const all[])(void *) = {allocates, allocates, locks, locks,
					       asks,	  faults,    raises};
	const int n = sizeof(all) / sizeof(*all);
	struct itimerval often = {{0, 1000}, {0, 1000}};
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	double end = now() + (argc > 1 ? atof(argv[1]) : 1);
	pthread_t t[16];
	int rounds = 0;

	sigaction(SIGALRM, &act, NULL);
	act.sa_handler = on_usr2;
	sigaction(SIGUSR2, &act, NULL);
	act = (struct sigaction){.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
	sigaction(SIGSEGV, &act, NULL);
	pthread_atfork(before_fork, after_fork, after_fork);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, all[i], NULL))
			return 9;
	for (; now() < end || rounds < 20; rounds++)
		forks();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	printf("complaints %x\n", bad);
	printf("fork handlers %s\n",
	       before_forks == rounds && after_forks == rounds ? "all" : "not all");
	printf("alarms %s, handlers that allocate %s, locked %s\n", alarms ? "came" : "never came",
	       allocated ? "came" : "never came", under_lock ? "yes" : "no");
	return 0;
}
