/* SPDX-License-Identifier: MIT */
/*
 * test_mathx.c - our logarithm and exponential against libm's
 *
 * Context  TEST
 */
#include "agent/rt/mathx.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void near(double ours, double theirs)
{
	double scale = fabs(theirs) > 1e-300 ? fabs(theirs) : 1;

	if (fabs(ours - theirs) / scale > 1e-12)
		fail_msg("%.17g is not %.17g", ours, theirs);
}

static void ln_agrees(void **state)
{
	(void)state;
	for (double x = 1e-16; x < 1e16; x *= 1.0137)
		if (fabs(x - 1) > 1e-3) /* next to 1 the relative error of ln is that of x - 1 */
			near(cp_ln(x), log(x));
	near(cp_ln(1.5), log(1.5));
	near(cp_ln(0x1p-53), log(0x1p-53));
	assert_true(cp_ln(1) == 0);
}

static void one_minus_exp_agrees(void **state)
{
	(void)state;
	for (double x = 1e-12; x < 100; x *= 1.0091)
		near(cp_one_minus_exp(x), -expm1(-x));
	near(cp_one_minus_exp(0.5), -expm1(-0.5));
	assert_true(cp_one_minus_exp(1e6) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ln_agrees),
		cmocka_unit_test(one_minus_exp_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
