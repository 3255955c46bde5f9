/* SPDX-License-Identifier: MIT */
/*
 * libctor.c - a library that allocates while the loader is at work, here and in a thread
 *
 * Context  TEST: its constructor and destructor run under the loader's lock, and wait for a
 *          thread that allocates: whoever took that lock to sample it would never come back.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static __thread char local[200];
static char *kept;

static void *allocates(void *arg)
{
	for (size_t i = 1; i < 20; i++) {
		char *volatile p = malloc(i * 50);

		free(p);
	}
	local[1] = 1;
	return arg;
}

static void in_thread(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, allocates, NULL))
		pthread_join(t, NULL);
}

__attribute__((constructor)) static void begin(void)
{
	kept = strdup("kept as long as the library");
	in_thread();
}

__attribute__((destructor)) static void end(void)
{
	free(kept);
	in_thread();
}

int ctor_call(int n)
{
	char *volatile p = malloc((size_t)n + 1);

	local[0] = (char)n;
	free(p);
	return local[0];
}
