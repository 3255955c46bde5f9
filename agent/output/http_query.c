/* SPDX-License-Identifier: MIT */
/*
 * http_query.c - a request's query and its numbers, read as Go's net/url reads them
 *
 * Context  ANY: pure
 * Holds    see http_parse.h. A pair that is malformed is passed over.
 */
#include "http_parse.h"

#include "../rt/hex.h"

#include <string.h>

bool cp_http_decode(struct cp_slice s, bool plus, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			bool whole = s.n - i > 2;
			int high = whole ? cp_hex_digit(s.p[i + 1]) : -1;
			int low = whole ? cp_hex_digit(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = high << 4 | low;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c || n + 1 >= cap)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}

bool cp_http_param(struct cp_slice query, const char *key, char *out, size_t cap)
{
	while (query.n) {
		struct cp_slice pair = cp_slice_cut(&query, '&'), value = pair;
		struct cp_slice name = cp_slice_cut(&value, '=');
		char decoded[32];

		if (!pair.n || memchr(pair.p, ';', pair.n))
			continue;
		if (!cp_http_decode(name, true, decoded, sizeof(decoded)) || strcmp(decoded, key))
			continue;
		if (value.n >= cap) { /* nothing we know is so long: it is no value */
			memcpy(out, "?", 2);
			return true;
		}
		if (cp_http_decode(value, true, out, cap))
			return true;
	}
	*out = 0;
	return false;
}

bool cp_http_integer(const char *s, int64_t *v)
{
	bool minus = *s == '-';
	int64_t n = 0;

	s += *s == '-' || *s == '+';
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, *s - '0', &n))
			return false;
	}
	if (!minus && n == INT64_MIN)
		return false;
	*v = minus ? n : -n;
	return true;
}
