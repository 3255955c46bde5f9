/* SPDX-License-Identifier: MIT */
/*
 * libjump.c - malloc and free that only jump on: the least any interposer can cost
 */
#include <dlfcn.h>
#include <stddef.h>

void *malloc(size_t size);
void free(void *p);

static void *(*real_malloc)(size_t);
static void (*real_free)(void *);

__attribute__((constructor)) static void resolve(void)
{
	real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
}

void *malloc(size_t size)
{
	if (__builtin_expect(!real_malloc, 0))
		resolve();
	return real_malloc(size);
}

void free(void *p)
{
	if (__builtin_expect(!real_free, 0))
		resolve();
	real_free(p);
}
