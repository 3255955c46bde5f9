/* SPDX-License-Identifier: MIT */
/*
 * arena.c - gives back blocks that were allocated before malloc was known
 *
 * Context  TEST: from another thread, long after, in every way there is.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern unsigned arena_blocks(void) __attribute__((weak));
extern int arena_check(unsigned i) __attribute__((weak));
extern void *arena_take(unsigned i) __attribute__((weak));

static volatile size_t too_much = PTRDIFF_MAX;

/* Taken anew from where it is kept, as the compiler won't have it used after a realloc. */
static bool survives_failure(unsigned i)
{
	bool failed = !realloc(arena_take(i), too_much);

	return failed && !arena_check(i);
}

static void *give_back(void *arg)
{
	unsigned n = arena_blocks();

	for (unsigned i = 0; i < n; i++) {
		int bad = arena_check(i);
		char *p = arena_take(i), first = p[0], *q;

		if (bad)
			printf("block %u: bad %d\n", i, bad);
		if (i % 3 == 0) {
			errno = 77;
			free(p);
			if (errno != 77)
				puts("errno changed");
			continue;
		}
		if (!survives_failure(i))
			printf("block %u: changed by a realloc that failed\n", i);
		q = i % 3 == 1 ? realloc(p, 100000) : realloc(p, 1);
		if (!q || q[0] != first)
			printf("block %u: lost its bytes\n", i);
		free(q);
	}
	return arg;
}

int main(void)
{
	pthread_t t;

	if (!arena_blocks)
		return 2;
	printf("%s\n", arena_blocks() > 100 ? "many blocks" : "few blocks");
	pthread_create(&t, NULL, give_back, NULL);
	pthread_join(t, NULL);
	puts("done");
	return 0;
}
