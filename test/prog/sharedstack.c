/* SPDX-License-Identifier: MIT */
/*
 * sharedstack.c - threads that all have one and the same signal stack
 *
 *   sharedstack THREADS MS    each burns so many milliseconds of CPU time
 *
 * As programs do that want it for the overflow of a stack alone. Prints `right` when each has
 * counted as far as it says.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char stack[81920];
static long ms;

static long long cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

__attribute__((noinline)) static unsigned long count_to(unsigned long n, unsigned long a,
							unsigned long b)
{
	for (unsigned long i = 0; i < n; i++) {
		a += b;
		b ^= a + i;
		b ^= a + i;
	}
	return a - b * n;
}

static void *burn(void *arg)
{
	const stack_t one = {.ss_sp = stack, .ss_size = sizeof(stack)};
	unsigned long wrong = 0;

	if (sigaltstack(&one, NULL))
		return arg;
	while (cpu_ns() < ms * 1000000)
		wrong += count_to(100000, (unsigned long)arg, 7) != (unsigned long)arg;
	return (void *)wrong;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, wrong = 0;
	pthread_t thread[64];
	void *found;

	ms = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	for (unsigned long i = 0; i < n && i < 64; i++)
		if (pthread_create(&thread[i], NULL, burn, (void *)(i + 1)))
			return 1;
	for (unsigned long i = 0; i < n && i < 64; i++) {
		pthread_join(thread[i], &found);
		wrong += (unsigned long)found;
	}
	puts(wrong ? "wrong" : "right");
	return wrong != 0;
}
