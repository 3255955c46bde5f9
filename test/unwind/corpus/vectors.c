/* SPDX-License-Identifier: MIT */
/*
 * vectors.c - frames realigned for vectors, with and without alloca (DRAP)
 *
 * Context  TEST: a scene of the stepped corpus.
 */
#include "corpus.h"

#include <alloca.h>
#include <string.h>

typedef double wide __attribute__((vector_size(32)));
typedef double wider __attribute__((vector_size(64)));

#define AVX __attribute__((noinline, target("avx2")))

static NOINLINE double plain(const void *p, unsigned long n)
{
	double d = 0;

	for (unsigned long i = 0; i < n; i++)
		d += ((const double *)p)[i];
	return d;
}

static AVX double realigned(long n)
{
	volatile wide a = {1, 2, 3, (double)n};
	wide b = a + a;

	return plain(&b, 4);
}

/* Realigned and of unknown size: the argument pointer is kept in a register. */
static AVX double realigned_with_alloca(long n, long a, long b, long c, long d, long e, long f,
					long g)
{
	double *p = alloca((size_t)n * 8);
	volatile wide w = {1, 2, (double)(a + b + c), (double)(d + e + f + g)};
	wide x = w * w;

	for (long i = 0; i < n; i++)
		p[i] = (double)i;
	return plain(p, (unsigned long)n) + plain(&x, 4);
}

static NOINLINE double page_aligned(long n)
{
	_Alignas(256) char page[512];

	memset(page, 0, sizeof(page));
	page[n] = 1;
	return plain(page, 64) + page[n];
}

long scene_vectors(long n)
{
	double sum = page_aligned(n);

	if (__builtin_cpu_supports("avx2"))
		sum += realigned(n) + realigned_with_alloca(n + 3, 1, 2, 3, 4, 5, 6, 7);
	return (long)sum;
}
