/* SPDX-License-Identifier: MIT */
/*
 * smallstack.c - a thread that needs most of a stack of 16 KB: smallstack
 *                or the main one, near the end of its own: smallstack LEFT
 *
 * Context  TEST: computes for half a second of CPU time there; prints how many bytes below the
 *          small stack, where nothing guards it, are not as they were.
 */
#include <alloca.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* How far down the main stack may grow. */
static uintptr_t end_of_main(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	struct rlimit lim;
	unsigned long lo, hi = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f) && !strstr(line, "[stack]"))
		;
	if (!f || sscanf(line, "%lx-%lx", &lo, &hi) != 2 || getrlimit(RLIMIT_STACK, &lim))
		exit(1);
	fclose(f);
	return hi - lim.rlim_cur;
}

/* As interpreters do at their start, to have the stack for sure. */
__attribute__((noinline)) static int near_the_end(uintptr_t left)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	volatile char *p = alloca(here - end_of_main() - left);
	struct timespec t;

	do {
		for (int i = 0; i < 100000; i++)
			p[0]++;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	} while (t.tv_sec == 0 && t.tv_nsec < 500000000);
	return 1;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t t;
	int changed = 0;

	if (argc > 1) {
		printf("been there: %d\n", near_the_end(strtoul(argv[1], NULL, 10)));
		return 0;
	}
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
