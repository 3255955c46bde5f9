/* SPDX-License-Identifier: MIT */
/*
 * cpuends.c - ends threads and processes in every way, and says what is left of them
 *
 * Context  TEST: cpuends THREADS [WORD...]: so many short threads, then what the words say.
 *          Prints timers, threads, descriptors and whether memory grew.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void compute(long ns)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < ns);
}

/* --- what there is ------------------------------------------------------------- */

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

static int count_timers(void)
{
	FILE *f = fopen("/proc/self/timers", "r");
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !strncmp(line, "ID:", 3);
	if (f)
		fclose(f);
	return n;
}

static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, pages = 0;

	if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void say(const char *what)
{
	/* A thread that was joined may still be on its way out in the kernel. */
	for (int i = 0; i < 1000 && count_entries("/proc/self/task") > 1; i++)
		usleep(1000);
	printf("%s: timers %d threads %d descriptors %d kb %ld\n", what, count_timers(),
	       count_entries("/proc/self/task"), count_entries("/proc/self/fd") - 1, resident());
	fflush(stdout);
}

/* --- ends of threads ------------------------------------------------------------- */

static sem_t ready;

static void *returns(void *arg)
{
	return arg;
}

static void *exits(void *arg)
{
	pthread_exit(arg);
}

static void *pauses(void *arg)
{
	sem_post(&ready);
	for (;;)
		pause();
	return arg;
}

static void *spins(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	sem_post(&ready);
	for (;;)
		;
	return arg;
}

/* The kernel's own end: no destructor runs. */
static void *vanishes(void *arg)
{
	sem_post(&ready);
	syscall(SYS_exit, 0);
	return arg;
}

static void must(int err)
{
	if (err) {
		fprintf(stderr, "pthread: %s\n", strerror(err));
		exit(9);
	}
}

static void make(void *(*fn)(void *), int how)
{
	pthread_t t;

	must(pthread_create(&t, NULL, fn, NULL));
	if (how) {
		sem_wait(&ready);
		must(pthread_cancel(t));
	}
	must(pthread_join(t, NULL));
}

static void short_threads(long n)
{
	for (long i = 0; i < n; i += 4) {
		pthread_t t[4];

		for (int k = 0; k < 4; k++)
			must(pthread_create(&t[k], NULL, k & 1 ? exits : returns, NULL));
		for (int k = 0; k < 4; k++)
			must(pthread_join(t[k], NULL));
	}
}

static void cancelled(void)
{
	for (int i = 0; i < 200; i++) {
		make(pauses, 1);
		make(spins, 1);
	}
}

static void vanished(void)
{
	for (int i = 0; i < 50; i++) {
		pthread_t t;

		must(pthread_create(&t, NULL, vanishes, NULL));
		sem_wait(&ready);
		pthread_detach(t);
	}
	if (!getenv("LD_PRELOAD"))
		return;
	raise(SIGUSR1); /* a reading finds out */
	for (int i = 0; i < 10000 && count_timers() > 1; i++)
		usleep(1000);
}

/* --- processes ---------------------------------------------------------------------- */

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* A child's timers are its own: one for its one thread. */
static void forks(void)
{
	int bad = 0;

	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (!pid) {
			compute(1000000);
			_exit(count_timers() > 1 || count_entries("/proc/self/task") != 1);
		}
		compute(1000000);
		bad += status_of(pid) != 0;
	}
	printf("forked, bad %d\n", bad);
}

static int mask_is_empty(void)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	for (int sig = 1; sig < 65; sig++)
		if (sigismember(&set, sig) == 1)
			return 0;
	return 1;
}

/* The new program must neither die of a signal left over nor begin with anything blocked
 * or ignored: this program itself looks. */
static int looks(void)
{
	for (int sig = 1; sig < 65; sig++) {
		struct sigaction act;

		if (!sigaction(sig, NULL, &act) && act.sa_handler == SIG_IGN)
			return 4;
	}
	return mask_is_empty() ? 3 : 5;
}

static char self[4096];

static void *execs_soon(void *arg)
{
	compute(4000000);
	execl(self, self, "looks", NULL);
	return arg;
}

static void execs(void)
{
	char *const argv[] = {self, "looks", NULL};
	char command[4200];
	pthread_t t;
	pid_t pid;
	int bad = 0;

	snprintf(command, sizeof(command), "exec %s looks", self);
	for (int i = 0; i < 25; i++) {
		pid = fork();
		if (!pid) { /* while the main thread's timer ticks, and another's */
			pthread_create(&t, NULL, i & 1 ? execs_soon : pauses, NULL);
			compute(3000000 + i * 100000);
			if (i & 1)
				pthread_join(t, NULL);
			execl(self, self, "looks", NULL);
			_exit(127);
		}
		bad += status_of(pid) != 3 << 8;
		compute(1000000);
		pid = vfork();
		if (!pid) {
			execl(self, self, "looks", NULL);
			_exit(127);
		}
		bad += status_of(pid) != 3 << 8;
		compute(1000000);
		bad += posix_spawn(&pid, self, NULL, NULL, argv, environ) != 0;
		bad += status_of(pid) != 3 << 8;
		compute(1000000);
		bad += system(command) != 3 << 8;
		compute(1000000);
		FILE *f = popen(command, "r");
		bad += !f || pclose(f) != 3 << 8;
	}
	printf("programs started, bad %d, mask empty %d\n", bad, mask_is_empty());
}

/* A large process, where a fork takes longer than the time between two samples. */
static void large(void)
{
	size_t size = 256UL << 20;
	char *p = malloc(size);
	int bad = 0;

	memset(p, 1, size);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		bad += pid < 0 || status_of(pid) != 0;
	}
	free(p);
	printf("forked large, bad %d\n", bad);
}

static void *last(void *arg)
{
	usleep(20000); /* main has left by then */
	compute(20000000);
	printf("main left: timers %d\n", count_timers());
	fflush(stdout); /* libc may not know that it is the last */
	return arg;
}

static void main_leaves(void)
{
	pthread_t t;

	must(pthread_create(&t, NULL, last, NULL));
	fflush(stdout);
	pthread_exit(NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} words[] = {
	{"cancelled", cancelled}, {"vanished", vanished}, {"forks", forks},
	{"execs", execs},	  {"large", large},	  {"leave", main_leaves},
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "looks"))
		return looks();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 8;
	sem_init(&ready, 0, 0);
	short_threads(2000);
	say("at first");
	short_threads(argc > 1 ? atol(argv[1]) : 0);
	say("short threads");
	for (int i = 2; i < argc; i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			if (!strcmp(argv[i], words[k].name)) {
				words[k].run();
				say(argv[i]);
			}
	return 0;
}
