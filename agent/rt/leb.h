/* SPDX-License-Identifier: MIT */
/*
 * leb.h - a bounded reader of DWARF's bytes
 *
 * Context  ANY: pure.
 * Holds    p <= end; nothing at or beyond end is read.
 * Fails    Reading past the end gives zeros and sets `bad`, which sticks: the
 *          caller looks once, when it is done.
 */
#ifndef CP_RT_LEB_H
#define CP_RT_LEB_H

#include "base.h"

#include <string.h>

struct cp_leb {
	const uint8_t *p, *end;
	bool bad;
};

/* n bytes as they are; NULL: there are fewer. */
CP_INLINE const uint8_t *cp_leb_take(struct cp_leb *in, uint64_t n)
{
	const uint8_t *p = in->p;

	if (CP_UNLIKELY((size_t)(in->end - p) < n)) {
		in->bad = true;
		in->p = in->end;
		return NULL;
	}
	in->p += n;
	return p;
}

/* An unsigned number of n bytes, 8 at most. */
CP_INLINE uint64_t cp_leb_fixed(struct cp_leb *in, size_t n)
{
	const uint8_t *p = cp_leb_take(in, n);
	uint64_t v = 0;

	if (CP_LIKELY(p))
		memcpy(&v, p, n); /* both processors are little-endian */
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

/* A pointer in one of DWARF's encodings; only those a linker writes for code.
 * moved: how far the bytes are from where they belong. */
static inline uintptr_t cp_leb_encoded(struct cp_leb *in, uint8_t enc, uintptr_t moved)
{
	uintptr_t at = (uintptr_t)in->p + moved, v = 0;

	switch (enc & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		v = cp_leb_fixed(in, 8);
		break;
	case 0x02:
		v = cp_leb_fixed(in, 2);
		break;
	case 0x0a:
		v = (uintptr_t)(int16_t)cp_leb_fixed(in, 2);
		break;
	case 0x03:
		v = cp_leb_fixed(in, 4);
		break;
	case 0x0b:
		v = (uintptr_t)(int32_t)cp_leb_fixed(in, 4);
		break;
	default:
		in->bad = true;
	}
	if ((enc & 0x70) == 0x10)
		v += at;
	else if (enc & 0xf0) /* text-relative, indirect, ...: never for code */
		in->bad = true;
	return v;
}

/* A length and that many bytes. */
static inline void cp_leb_skip_block(struct cp_leb *in)
{
	cp_leb_take(in, cp_leb_u(in));
}

/* A string that ends within the bytes, or NULL. */
static inline const char *cp_leb_string(struct cp_leb *in)
{
	const uint8_t *p = in->p, *zero = memchr(p, 0, (size_t)(in->end - p));

	in->bad |= !zero;
	in->p = zero ? zero + 1 : in->end;
	return zero ? (const char *)p : NULL;
}

#endif
