/* SPDX-License-Identifier: MIT */
/*
 * grow.c - many distinct stacks, or a large heap, and a snapshot of it
 *
 * usage: grow stacks N      a block from each of N distinct stacks
 *        grow heap MB       so many megabytes live, in blocks of 64 to 2,048 bytes
 *        grow idle          nothing at all
 *
 * Prints "KIB NS": resident memory, and the nanoseconds of CPU time per block; then raises
 * SIGUSR1 and waits for a line on its input, so that who started it can see the snapshot.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *volatile last;
static unsigned long blocks;

/* The bits of `way` choose between two callers at each step: so each is a stack of its own. */
#define STEP(name)                                                              \
	__attribute__((noinline)) static void name(unsigned long way, int left) \
	{                                                                       \
		if (!left)                                                      \
			last = malloc(64);                                      \
		else if (way & 1)                                               \
			zero(way >> 1, left - 1);                               \
		else                                                            \
			one(way >> 1, left - 1);                                \
		__asm__ volatile("" : : : "memory"); /* no tail call */         \
	}
static void zero(unsigned long way, int left);
static void one(unsigned long way, int left);
STEP(zero)
STEP(one)

static void stacks(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		zero(i, 20);
	blocks = n;
}

static void heap(unsigned long mb)
{
	uint32_t x = 1;

	for (unsigned long left = mb << 20; left > 2048; blocks++) {
		size_t size = 64 + (x = x * 1664525 + 1013904223) % 1985;

		last = memset(malloc(size), 1, size);
		left -= size;
	}
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(f);
	return pages * 4;
}

int main(int argc, char **argv)
{
	struct timespec ts;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "stacks") && argc == 3)
		stacks(strtoul(argv[2], NULL, 10));
	else if (!strcmp(argv[1], "heap") && argc == 3)
		heap(strtoul(argv[2], NULL, 10));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	printf("%ld %.1f\n", resident_kib(),
	       ((double)ts.tv_sec * 1e9 + (double)ts.tv_nsec) / (double)(blocks ? blocks : 1));
	fflush(stdout);
	if (getchar() == 's')
		raise(SIGUSR1);
	while (getchar() != EOF)
		;
	return 0;
}
