/* SPDX-License-Identifier: MIT */
// cflags: -fno-builtin-malloc
/*
 * handson.c - a malloc that stands before others and calls the next: handson
 *
 * Context  TEST: also compiled with -DNO_MALLOC or -DNO_FREE, which leave one out; -DLATE, which
 *          looks for the next ones in a constructor and asks libc till then; -DHEADER, whose
 *          blocks are its own; and -DLIBRARY. Allocates 3 MB that way, and a little.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*next_malloc)(size_t n);
static void (*next_free)(void *p);

static void find(void)
{
	next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
}

#ifdef LATE
extern void *__libc_malloc(size_t n);
extern void __libc_free(void *p);

__attribute__((constructor)) static void at_start(void)
{
	find();
}
#else
#define __libc_malloc(n) (find(), next_malloc(n))
#define __libc_free(p)	 (find(), next_free(p))
#endif

#ifdef HEADER
/* Nobody else's free knows these blocks, nor this one others'. */
void *malloc(size_t n)
{
	size_t *p = next_malloc ? next_malloc(n + 16) : __libc_malloc(n + 16);

	*p = n;
	return p + 2;
}

void free(void *p)
{
	if (!next_free)
		find();
	if (p)
		next_free((size_t *)p - 2);
}

void *calloc(size_t n, size_t size)
{
	return memset(malloc(n * size), 0, n * size);
}

void *realloc(void *p, size_t n)
{
	void *q = malloc(n);
	size_t old = p ? ((size_t *)p)[-2] : 0;

	memcpy(q, p ? p : q, old < n ? old : n);
	free(p);
	return q;
}
#define NO_MALLOC
#define NO_FREE
#endif

#ifndef NO_MALLOC
void *malloc(size_t n)
{
	return next_malloc ? next_malloc(n) : __libc_malloc(n);
}
#endif

#ifndef NO_FREE
void free(void *p)
{
	if (next_free)
		next_free(p);
	else
		__libc_free(p);
}
#endif

#ifndef LIBRARY
int main(void)
{
	void *kept[3], *array = NULL;

	find();
	for (size_t n = 1; n < 100; n++)
		array = reallocarray(array, n, 40);
	free(array);
	for (int i = 0; i < 3; i++)
		kept[i] = memset(malloc(1 << 20), i, 1 << 20);
	free(strdup("a little"));
	printf("%d\n", *(char *)kept[0] + *(char *)kept[1] + *(char *)kept[2]);
	return 3;
}
#endif
