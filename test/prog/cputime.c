/* SPDX-License-Identifier: MIT */
/*
 * cputime.c - spends CPU time in known functions and threads, and says what the kernel counted
 *
 * Context  TEST: cputime THREADS MS [TIMES]: each thread runs MS of CPU time, TIMES over,
 *          one third of it in `one`, two in `two`. Further words do more before.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;
static double want;

static double cpu_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One loop for both: where it lies in memory makes it twice as fast or slow. */
__attribute__((noinline)) static void third(void)
{
	for (unsigned long i = 0; i < 20000; i++)
		sink = sink * 3 + i;
}

__attribute__((noinline)) static void one(void)
{
	third();
	__asm__ volatile(""); /* no tail call */
}

__attribute__((noinline)) static void two(void)
{
	third();
	third();
	__asm__ volatile("");
}

__attribute__((noinline)) static void spend(double seconds)
{
	double end = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) + seconds;

	while (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < end) {
		one();
		two();
	}
}

static void *work(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "worker-%ld", (long)arg);
	prctl(PR_SET_NAME, name);
	spend(want);
	return NULL;
}

__attribute__((noinline)) static void run_threads(long n)
{
	pthread_t thread[64];

	for (long i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			exit(9);
	for (long i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
}

static void say_usage(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("used %ld\n", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000L +
				     u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	fflush(stdout);
}

/* --- threads libc does not know of, or that hear nothing ------------------------ */

static char clone_stack[1 << 16] __attribute__((aligned(16)));
static pid_t clone_tid;

__attribute__((noinline)) static int raw_work(void *arg)
{
	(void)arg;
	while (want > 0) /* ends with the process */
		two();
	return 0;
}

static void raw(void)
{
	clone(raw_work, clone_stack + sizeof(clone_stack),
	      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
	      NULL, &clone_tid);
}

static void *deaf_work(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return work(arg);
}

static void deaf(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, deaf_work, (void *)7);
	pthread_join(thread, NULL);
}

/* --- the host's own SIGPROF ------------------------------------------------------- */

static volatile sig_atomic_t hits;

static void on_prof(int sig)
{
	hits += sig == SIGPROF;
}

static void own_handler(void)
{
	struct sigaction act = {.sa_handler = on_prof}, old;

	sigaction(SIGPROF, NULL, &old);
	printf("was %s\n", old.sa_handler == SIG_DFL ? "default" : "something");
	sigaction(SIGPROF, &act, &old);
	printf("was %s\n", old.sa_handler == SIG_DFL ? "default" : "something");
	sigaction(SIGPROF, NULL, &old);
	printf("is %s\n", old.sa_handler == on_prof ? "mine" : "something");
}

/* Sent many times while samples are taken: none may be lost, or come from elsewhere. */
static void send_prof(void)
{
	for (int i = 0; i < 200; i++) {
		raise(SIGPROF);
		spend(0.001);
	}
	printf("hits %d\n", (int)hits);
}

static void set_default(void)
{
	struct sigaction old;

	for (int sig = 1; sig < 65; sig++)
		signal(sig, SIG_DFL);
	sigaction(SIGPROF, NULL, &old);
	printf("is %s\n", old.sa_handler == SIG_DFL ? "default" : "something");
}

/* A program started, or a child made, while timers tick. */
static void spawn(void)
{
	int status = 0, bad = 0;

	for (int i = 0; i < 50; i++) {
		pid_t pid = i % 2 ? fork() : vfork();

		if (!pid) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		spend(0.002);
		waitpid(pid, &status, 0);
		bad += status != 0;
		bad += i % 10 == 0 && system("exit 3") != 3 << 8;
	}
	printf("bad children %d\n", bad);
}

static void child(void)
{
	pid_t pid = fork();

	if (!pid) {
		spend(want);
		say_usage();
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void descriptors(void)
{
	/* Timers of this process: one line of the list begins with its number. */
	FILE *f = fopen("/proc/self/timers", "r");
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !strncmp(line, "ID:", 3);
	if (f)
		fclose(f);
	printf("timers %d\n", n);
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{"raw", raw},	  {"deaf", deaf},	    {"own", own_handler}, {"send", send_prof},
	{"spawn", spawn}, {"default", set_default}, {"child", child},	  {"timers", descriptors},
};

static int is_command(const char *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, word)) {
			commands[i].run();
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	long threads = atol(argv[1]), times = 1;

	want = atof(argv[2]) / 1000;
	if (argc > 3 && atol(argv[3]))
		times = atol(argv[3]);
	for (int i = 3; i < argc; i++)
		is_command(argv[i]);
	if (!threads)
		spend(want);
	for (long i = 0; threads && i < times; i++)
		run_threads(threads);
	for (int i = 3; i < argc; i++)
		if (!strcmp(argv[i], "timers-after"))
			descriptors();
	say_usage();
	return 0;
}
