/* SPDX-License-Identifier: MIT */
// libs: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
/*
 * test_output_malloc.c - nothing in agent/output reaches malloc, the host's own
 *
 * Context  TEST
 * Why      zlib and protobuf-c fall back to malloc wherever they are given no
 *          allocator; on the agent's threads, which libc does not know of, that
 *          would corrupt the host. The linker leads every call here.
 */
#include "agent/output/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static struct {
	bool watching;
	unsigned calls; /* while watching: of this program, zlib and protobuf-c */
	size_t used, out;
	_Alignas(16) unsigned char arena[16 << 20], file[1 << 20];
} st;

void *__wrap_malloc(size_t size)
{
	st.calls += st.watching;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	st.calls += st.watching;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	st.calls += st.watching;
	return __real_realloc(p, size);
}

void __wrap_free(void *p)
{
	st.calls += st.watching;
	__real_free(p);
}

static void *arena_take(void *ctx, size_t size)
{
	size_t at = st.used;

	(void)ctx;
	st.used += (size + 15) & ~15UL;
	return st.used <= sizeof(st.arena) ? st.arena + at : NULL;
}

static int file_write(void *ctx, const void *buf, size_t n)
{
	(void)ctx;
	if (n > sizeof(st.file) - st.out)
		return -ENOSPC;
	memcpy(st.file + st.out, buf, n);
	st.out += n;
	return 0;
}

/* Enough functions that every table grows, and a string larger than any buffer. */
static int write_some(const struct cp_sink *sink, const struct cp_alloc *mem)
{
	static const struct cp_value_type type = {"allocs", "count"};
	static char name[100000];
	const struct cp_pprof_head head = {.types = &type, .ntypes = 1, .time_ns = 5};
	const struct cp_pprof_mapping exe = {.start = 1, .limit = 1 << 20, .file = "/bin/x"};
	const struct cp_pprof_label label = {"thread", "main\xff", 0, NULL};
	struct cp_pprof *p = cp_pprof_open(&head, sink, mem);
	const int64_t value = 1;

	memset(name, 'n', sizeof(name) - 1);
	cp_pprof_mapping(p, &exe);
	for (uint64_t i = 1; i <= 3000; i++) {
		struct cp_pprof_line line = {cp_pprof_function(p, "f", "f", "f.c", (int64_t)i), 1};

		cp_pprof_location(p, 1, i, &line, 1);
		cp_pprof_sample(p, &i, 1, &value, &label, 1);
	}
	cp_pprof_function(p, name, name, NULL, 0);
	return cp_pprof_close(p);
}

static void malloc_is_never_called(void **state)
{
	const struct cp_alloc mem = {arena_take, NULL, NULL};
	const struct cp_sink sink = {file_write, NULL};
	struct cp_profile *p, *sum = NULL;
	void *volatile seen; /* volatile: or the compiler drops the pair of calls */
	const char *why;
	int err;

	(void)state;
	st.watching = true;
	seen = malloc(1);
	free(seen);
	assert_int_equal(st.calls, 2); /* the watch itself works */
	err = write_some(&sink, &mem);
	p = cp_profile_read(st.file, st.out, sizeof(st.arena), &mem, &why);
	if (p)
		sum = cp_profile_merge(p, p, 1, &mem, &why);
	if (sum)
		err |= cp_profile_write(sum, &sink, &mem);
	st.watching = false;
	assert_non_null(sum);
	assert_int_equal(err, 0);
	assert_int_equal(st.calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malloc_is_never_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
