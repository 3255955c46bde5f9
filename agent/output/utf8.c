/* SPDX-License-Identifier: MIT */
/*
 * utf8.c - keeps bytes that are not UTF-8 out of a profile
 *
 * Context  pure code
 * Calls    memcpy
 * Holds    as RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#include "utf8.h"

#include <string.h>

/* Eight bytes at a time while all are ASCII and none is NUL. */
static size_t ascii_run(const char *s, size_t n)
{
	const uint64_t ones = ~0ULL / 255, tops = ones << 7;
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= n; i += sizeof(w)) {
		memcpy(&w, s + i, sizeof(w));
		if ((w | (w - ones)) & tops)
			break;
	}
	while (i < n && (signed char)s[i] > 0)
		i++;
	return i;
}

static bool follows(const unsigned char *s, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

/* Length of the valid sequence of two or more bytes at s, 0 if there is none. */
static size_t sequence(const unsigned char *s, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	unsigned len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	/* The second byte is where overlong forms and surrogates show. */
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	return s[1] >= lo && s[1] <= hi && follows(s, 2, len) ? len : 0;
}

size_t cp_utf8_valid(const char *s, size_t n)
{
	size_t i = ascii_run(s, n);

	while (i < n) {
		size_t len = sequence((const unsigned char *)s + i, n - i);

		if (!len)
			break;
		i += len;
		i += ascii_run(s + i, n - i);
	}
	return i;
}

size_t cp_utf8_clean(const char *s, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	while (n) {
		size_t good = cp_utf8_valid(s, n);

		memcpy(out + len, s, good);
		len += good;
		s += good;
		n -= good;
		if (!n)
			break;
		out[len++] = '\\';
		out[len++] = 'x';
		out[len++] = hex[(unsigned char)*s >> 4];
		out[len++] = hex[(unsigned char)*s & 15];
		s++;
		n--;
	}
	return len;
}
