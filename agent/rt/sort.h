/* SPDX-License-Identifier: MIT */
/*
 * sort.h - sorts an array in place
 *
 * Context  ANY: pure.
 * Holds    n log n at worst, no memory beyond one element's swap. Not stable.
 * Why      libc's qsort may call malloc, which is the host's.
 */
#ifndef CP_RT_SORT_H
#define CP_RT_SORT_H

#include "base.h"

/* Answers below 0, 0 or above 0 as memcmp does. */
typedef int cp_compare_fn(const void *a, const void *b);

void cp_sort(void *base, size_t n, size_t size, cp_compare_fn *compare);

#endif
