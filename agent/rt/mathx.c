/* SPDX-License-Identifier: MIT */
/*
 * mathx.c - the logarithm and exponential the samplers need, without libm
 *
 * Context  ANY: pure.
 * Holds    Relative error below 1e-12 over the ranges mathx.h names.
 */
#include "mathx.h"

#define LN2   0.693147180559945309417
#define SQRT2 1.41421356237309504880

union bits {
	double d;
	uint64_t u;
};

static double power_of_2(int k)
{
	union bits b = {.u = (uint64_t)(1023 + k) << 52};

	return b.d;
}

double cp_ln(double x)
{
	union bits b = {.d = x};
	int k = (int)(b.u >> 52 & 0x7ff) - 1023;
	double s, s2, term, sum;

	/* x = m * 2^k with m in [1/sqrt2, sqrt2]; ln m = 2 atanh((m-1)/(m+1)) */
	b.u = (b.u & 0xfffffffffffffULL) | 1023ULL << 52;
	if (b.d > SQRT2) {
		b.d *= 0.5;
		k++;
	}
	s = (b.d - 1) / (b.d + 1);
	s2 = s * s;
	sum = term = s;
	for (int n = 3; n <= 21; n += 2) {
		term *= s2;
		sum += term / n;
	}
	return 2 * sum + k * LN2;
}

/* exp(r) for |r| <= ln2 / 2 */
static double exp_small(double r)
{
	double term = 1, sum = 1;

	for (int n = 1; n <= 14; n++) {
		term *= r / n;
		sum += term;
	}
	return sum;
}

double cp_one_minus_exp(double x)
{
	double term = x, sum = x;
	int k;

	if (x > 40)
		return 1; /* exp(-40) is below half a unit in the last place of 1 */
	if (x > 0.5) {
		k = (int)(x / LN2 + 0.5);
		return 1 - exp_small(k * LN2 - x) * power_of_2(-k);
	}
	for (int n = 2; n <= 16; n++) {
		term *= -x / n;
		sum += term;
	}
	return sum;
}
