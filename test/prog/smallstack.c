/* SPDX-License-Identifier: MIT */
/*
 * smallstack.c - a thread that needs most of a stack of 16 KB: smallstack
 *
 * Context  TEST: computes for half a second of CPU time on it; prints how many bytes below the
 *          stack, where nothing guards it, are not as they were.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { STACK = 16 << 10, BELOW = 32 << 10, USED = 6000, MARK = 0x5a };

static char area[BELOW + STACK] __attribute__((aligned(4096)));

__attribute__((noinline)) static void *computes(void *arg)
{
	volatile char mine[USED];
	struct timespec t;

	memset((char *)mine, 1, sizeof(mine));
	do {
		for (int i = 0; i < 100000; i++)
			mine[i % USED]++;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	} while (t.tv_sec == 0 && t.tv_nsec < 500000000);
	return arg;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t t;
	int changed = 0;

	memset(area, MARK, sizeof(area));
	pthread_attr_init(&attr);
	if (pthread_attr_setstack(&attr, area + BELOW, STACK) ||
	    pthread_create(&t, &attr, computes, NULL) || pthread_join(t, NULL))
		return 1;
	for (int i = 0; i < BELOW; i++)
		changed += area[i] != MARK;
	printf("changed %d\n", changed);
	return 0;
}
