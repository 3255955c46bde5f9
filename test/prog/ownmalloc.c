/* SPDX-License-Identifier: MIT */
/*
 * ownmalloc.c - a program with a malloc of its own
 *
 * Context  TEST: what libc and its libraries allocate comes from here too; prints whether
 *          each block did. The same must come out with the agent.
 */
// cflags: -rdynamic -fno-builtin
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static char pool[64 << 20] __attribute__((aligned(64)));
static size_t used;

/* As allocators do: once, under a lock, and by calls that others may stand in front of. Whoever
 * asks for memory in them waits for ever. */
static void begin(void)
{
	static int state;
	int seen = 0;
	char name[16];

	if (!__atomic_compare_exchange_n(&state, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
		while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == 1)
			;
		return;
	}
	prctl(PR_GET_NAME, name);
	sigaction(SIGUSR2, NULL, &(struct sigaction){.sa_flags = 0});
	__atomic_store_n(&state, 2, __ATOMIC_RELEASE);
}

static void *take(size_t align, size_t n)
{
	size_t room = n + align + 16, at;
	char *p;

	begin();
	at = __atomic_fetch_add(&used, room, __ATOMIC_RELAXED);

	if (at + room > sizeof(pool)) {
		errno = ENOMEM;
		return NULL;
	}
	p = (char *)(((uintptr_t)pool + at + 16 + align - 1) & ~(align - 1));
	((size_t *)(void *)p)[-1] = n;
	return p;
}

static int mine(const void *p)
{
	return (const char *)p >= pool && (const char *)p < pool + sizeof(pool);
}

void *malloc(size_t n)
{
	return take(16, n);
}

void free(void *p)
{
	if (p && !mine(p))
		abort();
}

void *calloc(size_t n, size_t size)
{
	return take(16, n * size);
}

void *realloc(void *p, size_t n)
{
	void *q = take(16, n);
	size_t old = p ? ((size_t *)p)[-1] : 0;

	if (p && q)
		memcpy(q, p, old < n ? old : n);
	free(p);
	return q;
}

void *aligned_alloc(size_t align, size_t n)
{
	return take(align, n);
}

static void *in_thread(void *arg)
{
	char *text = NULL;

	if (asprintf(&text, "%s", (char *)arg) < 0)
		return NULL;
	return text;
}

int main(void)
{
	char *line = NULL, *dup = strdup("duplicate");
	size_t cap = 0;
	void *text;
	pthread_t t;
	FILE *f = tmpfile();

	for (int i = 0; i < 3000; i++)
		fputc('x', f);
	rewind(f);
	printf("getline %zd, %s\n", getline(&line, &cap, f), mine(line) ? "mine" : "not mine");
	fclose(f);
	pthread_create(&t, NULL, in_thread, "thread");
	pthread_join(t, &text);
	printf("%s %s\n", mine(dup) ? "mine" : "not mine", mine(text) ? "mine" : "not mine");
	free(line);
	free(dup);
	free(text);
	printf("system %d\n", system("exit 3") >> 8);
	return 0;
}
