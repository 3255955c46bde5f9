/* SPDX-License-Identifier: MIT */
/*
 * liblate.c - threads that begin late: not before there is a file "go"
 *
 * Context  TEST: preloaded behind the agent, whose own beginning of the thread so comes late.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef void *start_fn(void *);
typedef int create_fn(pthread_t *, const pthread_attr_t *, start_fn *, void *);

struct late {
	start_fn *start;
	void *arg;
};

static void *begin(void *p)
{
	const struct timespec nap = {0, 1000000};
	struct late l = *(struct late *)p;

	free(p);
	while (access("go", F_OK))
		nanosleep(&nap, NULL);
	return l.start(l.arg);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, start_fn *start, void *arg)
{
	create_fn *real = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
	struct late *l = malloc(sizeof(*l));

	*l = (struct late){start, arg};
	return real(thread, attr, begin, l);
}
