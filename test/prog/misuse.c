/* SPDX-License-Identifier: MIT */
/*
 * misuse.c - frees what must not be freed: the allocator's own words, and its own end
 *
 * Context  TEST: argv[1] is how; the same must come out with the agent.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wfree-nonheap-object"
#pragma GCC diagnostic ignored "-Wuse-after-free"

static void (*volatile do_free)(void *) = free;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void *(*volatile do_malloc)(size_t) = malloc;

static void twice(size_t n)
{
	void *p = do_malloc(n);

	do_free(p);
	do_free(p);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	static char fixed[256] __attribute__((aligned(64)));
	char local[256] __attribute__((aligned(64))) = {0};
	char *p = do_malloc(1000);

	puts("begins");
	fflush(stdout);
	if (!strcmp(how, "small twice"))
		twice(24);
	else if (!strcmp(how, "middle twice"))
		twice(3000);
	else if (!strcmp(how, "large twice"))
		twice(100000);
	else if (!strcmp(how, "huge twice")) /* unmapped by the first: the second faults */
		twice(64 << 20);
	else if (!strcmp(how, "inside"))
		do_free(p + 16);
	else if (!strcmp(how, "misaligned"))
		do_free(p + 1);
	else if (!strcmp(how, "static"))
		do_free(fixed + 64);
	else if (!strcmp(how, "stack"))
		do_free(local + 64);
	else if (!strcmp(how, "nowhere"))
		do_free((void *)0x7000);
	else if (!strcmp(how, "noncanonical"))
		do_free((void *)0x8000000000001000);
	else if (!strcmp(how, "realloc inside"))
		p = do_realloc(p + 16, 2000);
	else if (!strcmp(how, "realloc freed")) {
		do_free(p);
		p = do_realloc(p, 5000);
	} else if (!strcmp(how, "overrun")) {
		memset(p, 0x77, malloc_usable_size(p) + 8);
		do_free(do_malloc(70000));
		do_free(p);
		do_free(do_malloc(70000));
	}
	puts("not noticed");
	return p ? 0 : 1;
}
