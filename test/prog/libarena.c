/* SPDX-License-Identifier: MIT */
/*
 * libarena.c - a dlsym that allocates, as some do: before the real malloc is known
 *
 * Context  TEST: preloaded behind the agent, whose look-ups it answers.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 400

static struct block {
	char *p;
	size_t n;
} block[MAX];
static unsigned blocks;

static void add(void *p, size_t n)
{
	if (blocks == MAX || !p)
		return;
	memset(p, (int)('a' + blocks % 20), n);
	block[blocks].p = p;
	block[blocks++].n = n;
}

static void allocate(void)
{
	void *p = NULL;
	char *zeroed = calloc(3, 100);

	for (int i = 0; zeroed && i < 300; i++)
		if (zeroed[i])
			abort();
	add(malloc(24), 24);
	add(zeroed, 300);
	add(realloc(memcpy(malloc(5), "five", 5), 50), 50);
	if (!posix_memalign(&p, 4096, 30))
		add(p, 30);
	add(aligned_alloc(64, 64), 64);
	add(reallocarray(NULL, 4, 10), 40);
	free(malloc(10));
	if (blocks < 50)
		add(calloc(1, 300000), 300000); /* more than the first block has */
}

void *dlsym(void *handle, const char *name)
{
	static void *(*real)(void *, const char *);

	if (!real)
		*(void **)&real = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
	if (!real)
		*(void **)&real = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
	if (blocks + 8 < MAX)
		allocate();
	if (getenv("WITHOUT") && !strcmp(name, getenv("WITHOUT")))
		return NULL;
	return real(handle, name);
}

unsigned arena_blocks(void)
{
	return blocks;
}

/* 0 when block i still is what was put there, and can be used in full. */
int arena_check(unsigned i)
{
	char *p = block[i].p;

	if (malloc_usable_size(p) < block[i].n)
		return 1;
	for (size_t k = 0; k < block[i].n; k++)
		if (p[k] != (char)('a' + i % 20))
			return 2;
	memset(p, (int)('a' + i % 20), malloc_usable_size(p));
	return 0;
}

void *arena_take(unsigned i)
{
	return block[i].p;
}
