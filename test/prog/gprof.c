// SPDX-License-Identifier: MIT
// gprof.c - computes; built with -pg; with an argument it takes SIGRTMIN+7 past libc, too
// cflags: -pg -D_GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;
static volatile int hits; /* by samples that were not for us */

__attribute__((noinline)) static void spin(void)
{
	for (unsigned long i = 0; i < 10000; i++)
		sink = sink * 3 + i;
}

static void on_sample(int sig)
{
	hits += sig == SIGRTMIN + 7;
}

static void *starts(void *arg)
{
	return arg;
}

/* As runtimes that do without libc's sigaction; a thread comes after, as theirs do. */
static void take_by_kernel(void)
{
	struct sigaction act;
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} mine;
	pthread_t t;

	/* Another signal's, for what libc gives the kernel to return by. */
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_sample;
	sigaction(SIGURG, &act, NULL);
	syscall(SYS_rt_sigaction, SIGURG, NULL, &mine, 8);
	syscall(SYS_rt_sigaction, SIGRTMIN + 7, &mine, NULL, 8);
	pthread_create(&t, NULL, starts, NULL);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	clock_t end;

	(void)argv;
	if (argc > 1)
		take_by_kernel();
	end = clock() + CLOCKS_PER_SEC / 2;
	while (clock() < end)
		spin();
	printf("%ld %d\n", (long)(clock() * 1000 / CLOCKS_PER_SEC), hits);
	return 0;
}
