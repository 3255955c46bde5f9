/* SPDX-License-Identifier: MIT */
/*
 * leb.h - a bounded reader of DWARF's bytes
 *
 * Context  ANY: pure.
 * Holds    p <= end; nothing at or beyond end is read.
 * Fails    Reading past the end gives zeros and sets `bad`, which sticks: the
 *          caller looks once, when it is done.
 */
#ifndef CP_SAMPLE_LEB_H
#define CP_SAMPLE_LEB_H

#include "../rt/base.h"

#include <string.h>

struct cp_leb {
	const uint8_t *p, *end;
	bool bad;
};

CP_INLINE uint64_t cp_leb_fixed(struct cp_leb *in, size_t n)
{
	uint64_t v = 0;

	if (CP_UNLIKELY((size_t)(in->end - in->p) < n)) {
		in->bad = true;
		in->p = in->end;
		return 0;
	}
	memcpy(&v, in->p, n); /* both processors are little-endian */
	in->p += n;
	return v;
}

CP_INLINE uint8_t cp_leb_u8(struct cp_leb *in)
{
	return (uint8_t)cp_leb_fixed(in, 1);
}

CP_INLINE uint64_t cp_leb_u(struct cp_leb *in)
{
	uint64_t v = 0;
	uint8_t b;

	for (unsigned shift = 0;; shift += 7) {
		b = cp_leb_u8(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
}

CP_INLINE int64_t cp_leb_s(struct cp_leb *in)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;

	do {
		b = cp_leb_u8(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	if (shift < 64 && (b & 0x40))
		v |= ~0ULL << shift;
	return (int64_t)v;
}

#endif
