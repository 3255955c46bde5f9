/* SPDX-License-Identifier: MIT */
/*
 * libjump.c - malloc, free, lock and unlock that only jump on: the least any interposer can cost
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

void *malloc(size_t size);
void free(void *p);

static void *(*real_malloc)(size_t);
static void (*real_free)(void *);
static int (*real_lock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);

__attribute__((constructor)) static void resolve(void)
{
	real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	real_lock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
	real_unlock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
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

int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (__builtin_expect(!real_lock, 0))
		resolve();
	return real_lock(m);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (__builtin_expect(!real_unlock, 0))
		resolve();
	return real_unlock(m);
}
