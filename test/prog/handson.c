/* SPDX-License-Identifier: MIT */
// cflags: -fno-builtin-malloc
/*
 * handson.c - a malloc that stands before others and calls the next: handson
 *
 * Context  TEST: also compiled with -DNO_MALLOC or -DNO_FREE, which leave one out; -DLATE, which
 *          looks for the next ones in a constructor and asks libc till then; and -DLIBRARY.
 *          Allocates 3 MB that way, and a little.
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
	void *kept[3];

	find();
	for (int i = 0; i < 3; i++)
		kept[i] = memset(malloc(1 << 20), i, 1 << 20);
	free(strdup("a little"));
	printf("%d\n", *(char *)kept[0] + *(char *)kept[1] + *(char *)kept[2]);
	return 3;
}
#endif
