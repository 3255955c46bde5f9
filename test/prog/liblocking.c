/* SPDX-License-Identifier: MIT */
/*
 * liblocking.c - an allocator that begins under a lock of its own, and works under another
 *
 * Context  TEST: preloaded before and behind the agent. While it begins it opens a file, maps
 *          memory, makes a key and registers fork handlers: a second entry would hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES (1UL << 28)

static pthread_mutex_t beginning = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static int ready;
static char *at, *end;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void begin(void)
{
	pthread_mutex_lock(&beginning);
	if (!ready) {
		int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY);

		if (fd >= 0)
			close(fd);
		at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (at == MAP_FAILED)
			_exit(98);
		end = at + BYTES;
		pthread_key_create(&key, NULL);
		pthread_atfork(before_fork, after_fork, after_fork);
		ready = 1;
	}
	pthread_mutex_unlock(&beginning);
}

/* Blocks are never used again; the word before each is its size. */
static void *take(size_t align, size_t n)
{
	char *p;

	if (!ready)
		begin();
	align = align < 16 ? 16 : align;
	pthread_mutex_lock(&lock);
	p = (char *)(((uintptr_t)at + 16 + align - 1) & ~(align - 1));
	if (p > end || n > (size_t)(end - p)) {
		p = NULL;
		errno = ENOMEM;
	} else {
		((size_t *)(void *)p)[-1] = n;
		at = p + n;
	}
	pthread_mutex_unlock(&lock);
	return p;
}

void *malloc(size_t n)
{
	return take(16, n);
}

void free(void *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&lock);
	*(char *)p = 0;
	pthread_mutex_unlock(&lock);
}

size_t malloc_usable_size(void *p)
{
	return p ? ((size_t *)p)[-1] : 0;
}

void *calloc(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return take(16, total);
}

void *realloc(void *p, size_t n)
{
	size_t old = malloc_usable_size(p);
	void *q = take(16, n);

	if (p && q)
		memcpy(q, p, old < n ? old : n);
	return q;
}

void *memalign(size_t align, size_t n)
{
	return take(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return take(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	void *q = take(align, n);

	if (!q)
		return ENOMEM;
	*p = q;
	return 0;
}
