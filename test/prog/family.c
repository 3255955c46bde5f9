/* SPDX-License-Identifier: MIT */
/*
 * family.c - asks every function of the malloc family for its corner cases
 *
 * Context  TEST: prints what it got; the same must come out with the agent. Bound at its start,
 *          as servers are; familynopie.c as it calls.
 */
// cflags: -Wl,-z,now
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Walloc-size-larger-than="
#pragma GCC diagnostic ignored "-Wuse-after-free"

#define HUGE_SIZE ((size_t)PTRDIFF_MAX - 100)

/* Opaque, so that the compiler neither knows sizes nor drops calls. */
static volatile size_t zero;
static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void *(*volatile do_reallocarray)(void *, size_t, size_t) = reallocarray;
static void (*volatile do_free)(void *) = free;

static void say(const char *what, const void *p)
{
	printf("%s: %s errno %d\n", what, p ? "block" : "NULL", errno);
	errno = 0;
}

static int all(const char *p, size_t n, char c)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != c)
			return 0;
	return 1;
}

/* The whole usable size is the host's to write. */
static void use(const char *what, void *p, size_t n, size_t align)
{
	size_t usable = malloc_usable_size(p);

	printf("%s %zu/%zu: %s, usable %s, %s\n", what, n, align, p ? "block" : "NULL",
	       usable >= n ? "enough" : "too little",
	       (uintptr_t)p % align ? "misaligned" : "aligned");
	memset(p, 0x5a, usable);
	errno = 4711;
	do_free(p);
	printf("errno after free %d\n", errno);
	errno = 0;
}

static void zeros_and_overflows(void)
{
	void *p = do_malloc(zero);

	say("malloc(0)", p);
	do_free(p);
	say("malloc(huge)", do_malloc(HUGE_SIZE));
	say("malloc(SIZE_MAX)", do_malloc(SIZE_MAX));
	p = do_calloc(zero, 8);
	say("calloc(0, 8)", p);
	do_free(p);
	say("calloc overflow", do_calloc(SIZE_MAX / 2, 3));
	say("calloc 2^32 * 2^32", do_calloc(1UL << 32, 1UL << 32));
	say("reallocarray overflow", do_reallocarray(NULL, SIZE_MAX / 2, 3));
	do_free(NULL);
	printf("usable of NULL %zu\n", malloc_usable_size(NULL));
}

static void reallocs(void)
{
	char *p = do_realloc(NULL, 10), *q;

	say("realloc(NULL, 10)", p);
	memset(p, 'a', 10);
	q = do_realloc(p, HUGE_SIZE);
	say("realloc(p, huge)", q);
	printf("old block kept: %d\n", all(p, 10, 'a'));
	say("reallocarray overflow", do_reallocarray(p, SIZE_MAX / 2, 3));
	printf("old block kept: %d\n", all(p, 10, 'a'));
	for (size_t n = 20; n < 3000000; n = n * 3 + 1) {
		p = do_realloc(p, n);
		if (!p || !all(p, 10, 'a'))
			printf("realloc to %zu lost bytes\n", n);
	}
	p = do_reallocarray(p, 5, 3);
	printf("shrunk: %d\n", all(p, 10, 'a'));
	q = do_realloc(p, zero);
	say("realloc(p, 0)", q);
	do_free(q);
}

static void aligned(void)
{
	void *p = NULL;

	for (size_t align = 8; align <= 1 << 16; align *= 8)
		for (size_t n = 1; n < 100000; n = n * 9 + 3) {
			use("memalign", memalign(align, n), n, align);
			size_t whole = (n + align - 1) / align * align;

			use("aligned_alloc", aligned_alloc(align, whole), whole, align);
			if (posix_memalign(&p, align, n))
				puts("posix_memalign failed");
			use("posix_memalign", p, n, align);
		}
	p = &p;
	printf("posix_memalign(7) %d", posix_memalign(&p, 7, 8));
	printf(" untouched %d errno %d\n", p == (void *)&p, errno);
	printf("posix_memalign(huge) %d", posix_memalign(&p, 64, HUGE_SIZE));
	printf(" untouched %d\n", p == (void *)&p);
	errno = 0;
	use("valloc", valloc(100), 100, 4096);
}

static void sizes(void)
{
	static const size_t n[] = {1, 8, 16, 17, 100, 1000, 4096, 70000, 1 << 20, 4 << 20};

	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
		char *p = do_calloc(n[i], 1);

		if (!all(p, n[i], 0))
			puts("calloc is not zero");
		use("calloc", p, n[i], sizeof(void *));
		use("malloc", do_malloc(n[i]), n[i], sizeof(void *));
	}
}

/* Blocks that libc allocates and the host frees, and the reverse. */
static void foreign(void)
{
	char *line = do_malloc(4), *dup = strdup("duplicate"), *text = NULL;
	size_t cap = 4;
	FILE *f = tmpfile();
	int n = asprintf(&text, "%0500d", 7);

	for (int i = 0; i < 5000; i++)
		fputc('x', f);
	rewind(f);
	printf("getline %zd asprintf %d %s\n", getline(&line, &cap, f), n, dup);
	fclose(f);
	do_free(line);
	do_free(dup);
	do_free(text);
	text = realpath("/", NULL);
	printf("realpath %s\n", text);
	do_free(text);
}

static void *free_all(void *arg)
{
	void **p = arg;

	for (int i = 0; i < 1000; i++)
		do_free(p[i]);
	return NULL;
}

static void across_threads(void)
{
	void *p[1000];
	pthread_t t;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 1000; i++)
			p[i] = do_malloc((size_t)i * 3);
		pthread_create(&t, NULL, free_all, p);
		pthread_join(t, NULL);
	}
	puts("across threads");
}

int main(void)
{
	zeros_and_overflows();
	reallocs();
	aligned();
	sizes();
	foreign();
	across_threads();
	return 0;
}
