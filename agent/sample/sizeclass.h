/* SPDX-License-Identifier: MIT */
/*
 * sizeclass.h - block sizes in classes, four to each doubling
 *
 * Context  ANY: pure.
 * Holds    cp_sizeclass_bytes(cp_sizeclass_of(s)) is the smallest class size >= s:
 *          0..8 each for itself, then 10, 12, 14, 16, 20, 24, 28, 32, 40, ...
 * Why      A bucket that mixes sizes can't be read back as counts and sizes; one
 *          for each size makes a million buckets of a string-heavy server.
 */
#ifndef CP_SAMPLE_SIZECLASS_H
#define CP_SAMPLE_SIZECLASS_H

#include "../rt/base.h"

CP_INLINE uint16_t cp_sizeclass_of(uint64_t size)
{
	unsigned log;

	if (size <= 8)
		return (uint16_t)size;
	log = 63 - (unsigned)__builtin_clzll(size - 1);
	return (uint16_t)(9 + (log - 3) * 4 + ((size - 1) >> (log - 2)) - 4);
}

CP_INLINE uint64_t cp_sizeclass_bytes(uint16_t class)
{
	unsigned step = class - 9U;

	if (class <= 8)
		return class;
	return (uint64_t)(step % 4 + 5) << (step / 4 + 1);
}

#endif
