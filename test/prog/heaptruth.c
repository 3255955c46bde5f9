/* SPDX-License-Identifier: MIT */
/*
 * heaptruth.c - allocates what it says it allocates
 *
 * Prints a line for each function that allocates: its name, objects and bytes
 * allocated, objects and bytes still in use. argv[1] scales the work.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))

static unsigned long scale = 1;

static void say(const char *name, unsigned long n, unsigned long bytes, unsigned long in_use,
		unsigned long in_use_bytes)
{
	printf("%s %lu %lu %lu %lu\n", name, n, bytes, in_use, in_use_bytes);
}

/* The compiler must not drop a pair of malloc and free, nor a pointer kept for good. */
static void *volatile sink;

static void *keep(void *p)
{
	sink = p;
	return p;
}

/* Same size always, every second block freed. */
NOINLINE void fixed_size(void)
{
	unsigned long n = 20000 * scale;

	for (unsigned long i = 0; i < n; i++) {
		void *p = keep(malloc(64));

		if (i % 2)
			free(p);
	}
	say("fixed_size", n, n * 64, n / 2, n / 2 * 64);
}

/* Two sizes from one place: counts go wrong where buckets are by stack alone. */
NOINLINE void mixed_sizes(void)
{
	unsigned long n = 200 * scale;

	for (unsigned long i = 0; i < 2 * n; i++)
		keep(malloc(i % 2 ? 65536 : 64));
	say("mixed_sizes", 2 * n, n * (65536 + 64), 2 * n, n * (65536 + 64));
}

NOINLINE void one_byte(void)
{
	unsigned long n = 20000 * scale;

	for (unsigned long i = 0; i < n; i++)
		keep(malloc(1));
	say("one_byte", n, n, n, n);
}

/* All freed again: in use must come out as nothing. */
NOINLINE void churn(void)
{
	unsigned long n = 50000 * scale;

	for (unsigned long i = 0; i < n; i++)
		free(keep(malloc(100 + i % 400)));
	say("churn", n, n * 100 + (n / 400) * 79800 + (n % 400) * (n % 400 - 1) / 2, 0, 0);
}

/* A buffer that doubles: every step is an allocation and a free. */
NOINLINE void realloc_chain(void)
{
	unsigned long chains = 20 * scale, n = 0, bytes = 0;

	for (unsigned long c = 0; c < chains; c++) {
		void *p = NULL;

		for (size_t size = 64; size <= 1 << 20; size *= 2) {
			p = keep(realloc(p, size));
			n++;
			bytes += size;
		}
	}
	say("realloc_chain", n, bytes, chains, chains << 20);
}

NOINLINE void zeroed(void)
{
	unsigned long n = 1000 * scale;

	for (unsigned long i = 0; i < n; i++)
		keep(calloc(10, 300));
	say("zeroed", n, n * 3000, n, n * 3000);
}

NOINLINE void aligned(void)
{
	unsigned long n = 500 * scale;

	for (unsigned long i = 0; i < n; i++) {
		void *p;

		if (posix_memalign(&p, 256, 5000) == 0)
			keep(p);
	}
	say("aligned", n, n * 5000, n, n * 5000);
}

/* Never touched: costs address space only. */
NOINLINE void huge(void)
{
	for (int i = 0; i < 2; i++)
		keep(malloc(1UL << 30));
	keep(calloc(1, 1UL << 30));
	say("huge", 3, 3UL << 30, 3, 3UL << 30);
}

struct basket {
	void **block;
	unsigned long n;
};

static void *free_all(void *arg)
{
	struct basket *b = arg;

	for (unsigned long i = 0; i < b->n; i++)
		free(b->block[i]);
	return NULL;
}

NOINLINE void fill(struct basket *b)
{
	for (unsigned long i = 0; i < b->n; i++)
		b->block[i] = malloc(777);
}

/* Freed by another thread than the one that allocated. */
static void freed_elsewhere(void)
{
	struct basket b = {.n = 5000 * scale};
	pthread_t t;

	b.block = malloc(b.n * sizeof(*b.block));
	if (!b.block)
		exit(1);
	fill(&b);
	if (pthread_create(&t, NULL, free_all, &b))
		exit(1);
	pthread_join(t, NULL);
	free(b.block);
	say("fill", b.n, b.n * 777, 0, 0);
}

NOINLINE void *thread_allocates(void *arg)
{
	unsigned long n = 2000 * scale;

	(void)arg;
	for (unsigned long i = 0; i < n; i++)
		keep(malloc(1500));
	return NULL;
}

/* Fresh threads must not be biased: each begins with a random interval. */
static void in_threads(void)
{
	unsigned long n = 8 * 2000 * scale;

	for (int i = 0; i < 8; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, thread_allocates, NULL))
			exit(1);
		pthread_join(t, NULL);
	}
	say("thread_allocates", n, n * 1500, n, n * 1500);
}

int main(int argc, char **argv)
{
	static char out[4096];

	setvbuf(stdout, out, _IOFBF, sizeof(out)); /* else the first say() allocates it */
	if (argc > 1)
		scale = strtoul(argv[1], NULL, 10);
	fixed_size();
	mixed_sizes();
	one_byte();
	churn();
	realloc_chain();
	zeroed();
	aligned();
	huge();
	freed_elsewhere();
	in_threads();
	return 0;
}
