/* SPDX-License-Identifier: MIT */
/*
 * latealloc.c - loads an allocator at run time, and uses both
 *
 * Context  TEST: argv[1] is the allocator, argv[2] how: local, global or deepbind; prints
 *          what it got, and the same must come out with the agent.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *alloc_fn(size_t);
typedef void free_fn(void *);

static void *function(void *handle, const char *name)
{
	void *fn = dlsym(handle, name);

	printf("%s %s\n", name, fn ? "found" : "not found");
	return fn;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "local";
	int flags = RTLD_NOW | (!strcmp(how, "global") ? RTLD_GLOBAL : RTLD_LOCAL) |
		    (!strcmp(how, "deepbind") ? RTLD_DEEPBIND : 0);
	void *handle = dlopen(argv[1], flags);
	void *mine[100], *theirs[100];
	alloc_fn *their_malloc;
	free_fn *their_free;

	if (!handle) {
		puts("not loaded");
		return 0;
	}
	*(void **)&their_malloc = function(handle, "malloc");
	*(void **)&their_free = function(handle, "free");
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 100; i++) {
			mine[i] = malloc(i * 37);
			theirs[i] = their_malloc(i * 37);
			memset(mine[i], 1, i * 37);
			memset(theirs[i], 2, i * 37);
		}
		for (int i = 99; i >= 0; i--) {
			their_free(theirs[i]);
			free(mine[i]);
		}
	}
	printf("next free %s\n", dlsym(RTLD_DEFAULT, "free") ? "found" : "not found");
	puts("both used");
	return 0;
}
