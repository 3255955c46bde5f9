/* SPDX-License-Identifier: MIT */
/*
 * frames.c - the shapes a frame takes: alloca, VLA, big, protected, recursive
 *
 * Context  TEST: a scene of the stepped corpus.
 */
#include "corpus.h"

#include <alloca.h>
#include <string.h>

struct big {
	long v[32];
};

static NOINLINE long leaf(long n)
{
	return n * 3 + 1;
}

static NOINLINE long with_alloca(long n)
{
	char *p = alloca((size_t)n * 40 + 16);

	memset(p, (int)n, (size_t)n * 40 + 16);
	return p[n] + leaf(n);
}

static NOINLINE long with_vla(long n)
{
	long v[n + 2];

	for (long i = 0; i < n + 2; i++)
		v[i] = leaf(i);
	return v[n] + with_alloca(n);
}

static NOINLINE long with_buffer(const char *s)
{
	char buffer[64];

	strncpy(buffer, s, sizeof(buffer) - 1);
	buffer[63] = 0;
	return (long)strlen(buffer) + leaf(buffer[0]);
}

static NOINLINE struct big returns_big(long n)
{
	struct big b;

	for (int i = 0; i < 32; i++)
		b.v[i] = n + i;
	b.v[3] = leaf(n);
	return b;
}

static NOINLINE long takes_many(long a, long b, long c, long d, long e, long f, long g, long h,
				struct big i)
{
	return leaf(a + b + c + d) + leaf(e + f + g + h) + i.v[7];
}

static NOINLINE long many_pages(long n)
{
	volatile char pages[20000];

	pages[0] = pages[19999] = (char)n;
	return leaf(pages[0]) + pages[19999];
}

/* So many live values that every callee-saved register is pushed. */
static NOINLINE long keeps_registers(long n)
{
	long a = leaf(n), b = leaf(n + 1), c = leaf(n + 2), d = leaf(n + 3), e = leaf(n + 4);
	long f = leaf(n + 5), g = leaf(n + 6);

	for (long i = 0; i < 2; i++)
		a += leaf(a ^ b) + leaf(c ^ d) + leaf(e ^ f) + g;
	return a + b + c + d + e + f + g;
}

/* The early return lets the compiler wrap only the slow path in a frame. */
static NOINLINE long shrink_wrapped(long n)
{
	if (n < 2)
		return n;
	return keeps_registers(n) + with_vla(n);
}

static NOINLINE long recursive(long n)
{
	return n <= 0 ? leaf(n) : recursive(n - 1) + recursive(n - 2) + leaf(n);
}

long scene_frames(long n)
{
	struct big b = returns_big(n);

	return with_vla(n) + with_buffer("frames") + takes_many(1, 2, 3, 4, 5, 6, 7, 8, b) +
	       many_pages(n) + shrink_wrapped(1) + shrink_wrapped(n) + recursive(n);
}
