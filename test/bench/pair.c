/* SPDX-License-Identifier: MIT */
/*
 * pair.c - what a malloc and free pair costs, on whichever allocator is loaded
 *
 * usage: pair SIZE COUNT ROUNDS      SIZE 0: sizes from 16 to 1024, mixed
 *
 * Prints the ns per pair of each round. Blocks die in the order of a small ring,
 * so that free never meets the block that was allocated just before.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RING 64

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts); /* others' load is not ours */
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double one_round(size_t size, long count)
{
	void *ring[RING] = {0};
	double began = now_ns();

	for (long i = 0; i < count; i++) {
		unsigned slot = (unsigned)i % RING;

		free(ring[slot]);
		ring[slot] = malloc(size ? size : 16 + ((unsigned)i * 2654435761U >> 22));
		__asm__ volatile("" : : "r"(ring[slot]) : "memory");
	}
	began = (now_ns() - began) / (double)count;
	for (int i = 0; i < RING; i++)
		free(ring[i]);
	return began;
}

int main(int argc, char **argv)
{
	size_t size;
	long count, rounds;

	if (argc != 4)
		return 2;
	size = strtoul(argv[1], NULL, 10);
	count = strtol(argv[2], NULL, 10);
	rounds = strtol(argv[3], NULL, 10);
	for (long i = 0; i < rounds; i++)
		printf("%.3f\n", one_round(size, count));
	return 0;
}
