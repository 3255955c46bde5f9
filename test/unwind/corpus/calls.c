/* SPDX-License-Identifier: MIT */
/*
 * calls.c - the ways to call: through the PLT, by pointer, as a tail, without return
 *
 * Context  TEST: a scene of the stepped corpus.
 */
#include "corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static jmp_buf way_out;

static NOINLINE long tail_end(long n)
{
	return n ^ 0x55;
}

static NOINLINE long tail_middle(long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", n);
	return tail_end((long)strlen(text));
}

static NOINLINE long tail_begin(long n, long (*f)(long))
{
	return f(n + 1);
}

static NOINLINE long sum_of(int count, ...)
{
	va_list ap;
	long sum = 0;

	va_start(ap, count);
	for (int i = 0; i < count; i++)
		sum += va_arg(ap, long);
	va_end(ap);
	return sum;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static NOINLINE long through_libc(long n)
{
	int v[8] = {7, 3, 5, 1, 8, 2, 6, 4};
	char *copy = strdup("42 1.25");
	char *end;
	long r;

	qsort(v, 8, sizeof(v[0]), by_value);
	r = strtol(copy, &end, 10) + (long)(strtod(end, NULL) * 4);
	free(copy);
	return r + v[n & 7];
}

static NOINLINE __attribute__((noreturn)) void leaves(long n)
{
	longjmp(way_out, (int)n + 1);
}

/* Nothing follows the call: the return address lies past the function's end. */
static NOINLINE __attribute__((noreturn)) void noreturn_last(long n)
{
	tail_end(n);
	leaves(n);
}

static NOINLINE long calls_noreturn(long n)
{
	int way = setjmp(way_out);

	if (way == 0)
		noreturn_last(n);
	return way;
}

static NOINLINE long selects(long n)
{
	switch (n) {
	case 0:
		return tail_end(3);
	case 1:
		return tail_middle(4) + 1;
	case 2:
		return tail_begin(5, tail_end) + 2;
	case 3:
		return sum_of(2, 1L, n);
	case 4:
		return sum_of(3, n, n, n);
	default:
		return tail_middle(n);
	}
}

static NOINLINE long asks_kernel(void)
{
	struct timespec ts;
	int status = 0;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	pid = vfork();
	if (pid == 0)
		_exit(3);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) + (ts.tv_sec < 0);
}

long scene_calls(long n)
{
	long sum = 0;

	for (long i = 0; i < n + 3; i++)
		sum += selects(i);
	return sum + through_libc(n) + calls_noreturn(n) + tail_begin(n, tail_middle) +
	       sum_of(9, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L) + asks_kernel();
}
