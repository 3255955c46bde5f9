/* SPDX-License-Identifier: MIT */
/*
 * mathx.h - the logarithm and exponential the samplers need, without libm
 *
 * Context  ANY: pure. Relative error below 1e-12 (test/unit/test_mathx.c).
 * Why      libcprof.so needs libc only; and these run a few hundred times a
 *          second, so a short series beats a table.
 */
#ifndef CP_RT_MATHX_H
#define CP_RT_MATHX_H

#include "base.h"

/* ln(x) for x > 0, normal. */
double cp_ln(double x);
/* 1 - exp(-x) for x >= 0, exact for small x too. */
double cp_one_minus_exp(double x);

#endif
