/* SPDX-License-Identifier: MIT */
/*
 * lines_bytes.h - reads DWARF's numbers and strings from bytes, within bounds
 *
 * Context  cprof-lines; pure.
 * Holds    p <= end. After a read past the end `bad` is set and all answers are 0.
 */
#ifndef CP_CLI_LINES_BYTES_H
#define CP_CLI_LINES_BYTES_H

#include "agent/rt/base.h"

#include <string.h>

struct cp_bytes {
	const uint8_t *p, *end;
	bool bad;
};

CP_INLINE const uint8_t *cp_bytes_take(struct cp_bytes *b, uint64_t n)
{
	const uint8_t *p = b->p;

	if (n > (uint64_t)(b->end - b->p)) {
		b->bad = true;
		b->p = b->end;
		return NULL;
	}
	b->p += n;
	return p;
}

/* An unsigned number of 1, 2, 3, 4 or 8 bytes, in the machine's order. */
CP_INLINE uint64_t cp_bytes_number(struct cp_bytes *b, unsigned size)
{
	const uint8_t *p = cp_bytes_take(b, size);
	uint64_t v = 0;

	if (p)
		memcpy((uint8_t *)&v + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - size : 0), p,
		       size);
	return v;
}

static inline uint64_t cp_bytes_uleb(struct cp_bytes *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = (uint8_t)cp_bytes_number(b, 1);

		if (shift < 64)
			v |= (uint64_t)(byte & 127) << shift;
		if (!(byte & 128))
			return v;
	}
}

static inline int64_t cp_bytes_sleb(struct cp_bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)cp_bytes_number(b, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 127) << shift;
		shift += 7;
	} while (byte & 128);
	if (shift < 64 && byte & 64)
		v |= ~0ULL << shift;
	return (int64_t)v;
}

/* A string that ends within the bytes, or NULL. */
static inline const char *cp_bytes_string(struct cp_bytes *b)
{
	const uint8_t *p = b->p;
	const uint8_t *zero = memchr(p, 0, (size_t)(b->end - p));

	if (!zero) {
		b->bad = true;
		b->p = b->end;
		return NULL;
	}
	b->p = zero + 1;
	return (const char *)p;
}

#endif
