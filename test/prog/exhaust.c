/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - uses up its memory, and what it is told then
 *
 * Context  TEST: argv[1] is the limit it sets itself: as, data, or none for the one it was
 *          started with. Prints what it got, but no amounts: the agent's own memory counts.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wuse-after-free"

#define BLOCKS 100000

static void *block[BLOCKS];

static int fill(size_t n)
{
	int i = 0;

	errno = 0;
	while (i < BLOCKS && (block[i] = malloc(n))) {
		memset(block[i], 1, 64);
		i++;
	}
	printf("%zu: %s, errno %d, %s\n", n, i == BLOCKS ? "all" : "some", errno,
	       i ? "at least one" : "none");
	return i;
}

static void empty(int n)
{
	while (n-- > 0)
		free(block[n]);
	malloc_trim(0);
}

static void *allocates(void *arg)
{
	free(malloc(100));
	return arg;
}

static void when_full(void)
{
	pthread_t t;
	char *p, *q;

	errno = 0;
	printf("calloc %p errno %d\n", calloc(1 << 20, 16), errno);
	p = malloc(16);
	if (p) {
		strcpy(p, "kept");
		errno = 0;
		q = realloc(p, 256 << 20);
		printf("realloc %p errno %d %s\n", (void *)q, errno, p);
		free(p);
	}
	printf("mmap %s\n",
	       mmap(NULL, 256 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? "failed"
		       : "made");
	if (!pthread_create(&t, NULL, allocates, NULL))
		pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	struct rlimit lim = {200UL << 20, 200UL << 20};
	const char *what = argc > 1 ? argv[1] : "none";
	int n;

	setvbuf(stdout, NULL, _IOLBF, 4096);
	if (strcmp(what, "none") && setrlimit(strcmp(what, "as") ? RLIMIT_DATA : RLIMIT_AS, &lim))
		return 2;
	n = fill(1 << 20);
	when_full();
	empty(n);
	n = fill(100000);
	when_full();
	empty(n);
	for (int i = 0; i < 1000; i++)
		free(malloc((size_t)i * 10));
	puts("there is room again");
	return 0;
}
