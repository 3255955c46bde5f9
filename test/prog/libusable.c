/* SPDX-License-Identifier: MIT */
/*
 * libusable.c - a malloc_usable_size that stands before the agent's, and counts
 *
 * Context  TEST: preloaded; says at the end how often it was asked.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>

static unsigned long asked;

size_t malloc_usable_size(void *p)
{
	size_t (*real)(void *) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "malloc_usable_size");
	asked++;
	return real(p);
}

__attribute__((destructor)) static void say(void)
{
	printf("asked %lu times\n", asked);
}
