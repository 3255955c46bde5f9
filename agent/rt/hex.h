/* SPDX-License-Identifier: MIT */
/*
 * hex.h - reads hexadecimal digits, small letters or capitals
 *
 * Context  ANY: pure.
 */
#ifndef CP_RT_HEX_H
#define CP_RT_HEX_H

#include "base.h"

/* -1: it is none. */
CP_INLINE int cp_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number: where its digits end; NULL when there are none, or too many. */
static inline const char *cp_hex_read(const char *s, uint64_t *v)
{
	const char *end = s;
	uint64_t n = 0;

	for (int digit; (digit = cp_hex_digit(*end)) >= 0; end++)
		n = n << 4 | (unsigned)digit;
	*v = n;
	return end > s && end - s <= 16 ? end : NULL;
}

#endif
