/* SPDX-License-Identifier: MIT */
/*
 * hash.h - a 128-bit fingerprint that stands for what it was made of
 *
 * Context  pure code.
 * Holds    Same seed, same words in the same order: same fingerprint. Others
 *          differ but for a chance of n*n / 2^129 among n of them, so the
 *          contents need not be kept to be compared (idtab.h).
 * Why      Two independent multiply-and-fold lanes: about a nanosecond per
 *          eight bytes. Not a cryptographic hash: a file made to collide could
 *          at worst get its own names confused, and would need the seed for it.
 */
#ifndef CP_OUTPUT_HASH_H
#define CP_OUTPUT_HASH_H

#include "../rt/base.h"

#include <string.h>

struct cp_hash {
	uint64_t a, b;
};

static inline uint64_t cp_hash_fold(uint64_t x, uint64_t k)
{
	unsigned __int128 m = (unsigned __int128)x * k;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline struct cp_hash cp_hash_start(uint64_t seed)
{
	return (struct cp_hash){seed ^ 0x243f6a8885a308d3ULL,
				cp_hash_fold(seed, 0x9e3779b97f4a7c15ULL) ^ 0x13198a2e03707344ULL};
}

static inline void cp_hash_word(struct cp_hash *h, uint64_t w)
{
	h->a = cp_hash_fold(h->a ^ w, 0xa0761d6478bd642fULL) + 0x452821e638d01377ULL;
	h->b = (cp_hash_fold(h->b ^ w, 0xe7037ed1a0b428dbULL) + 0xbe5466cf34e90c6dULL) ^ h->b >> 32;
}

static inline void cp_hash_bytes(struct cp_hash *h, const char *s, size_t n)
{
	uint64_t w;

	cp_hash_word(h, n);
	for (; n >= sizeof(w); s += sizeof(w), n -= sizeof(w)) {
		memcpy(&w, s, sizeof(w));
		cp_hash_word(h, w);
	}
	w = 0;
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)(unsigned char)s[i] << 8 * i;
	cp_hash_word(h, w);
}

#endif
