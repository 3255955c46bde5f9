/* SPDX-License-Identifier: MIT */
/*
 * http_addr.c - where CPROF_HTTP says to listen
 *
 * Context  ANY: pure
 * Why      Addresses, not names: looking a name up is libc's, which allocates, locks
 *          and reads files in the host.
 */
#include "http_addr.h"

#include "../rt/hex.h"
#include "parse.h"

#include <errno.h>
#include <string.h>

static uint16_t swap(uint16_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static bool parse_port(const char *text, uint16_t *port)
{
	const char *end;
	uint64_t v;

	if (cp_parse_number(text, &v, &end) || *end || v > 65535)
		return false;
	*port = (uint16_t)v;
	return true;
}

static bool parse_ipv4(const char *s, const char *end, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		const char *after;
		uint64_t v;

		if (cp_parse_number(s, &v, &after) || v > 255 || after - s > 3)
			return false;
		out[i] = (uint8_t)v;
		s = after;
		if (i < 3 && *s++ != '.')
			return false;
	}
	return s == end;
}

/* Groups of hex digits, with one gap of zeros written as two colons. */
static bool parse_ipv6(const char *s, const char *end, uint8_t out[16])
{
	unsigned n = 0, gap = 16;

	memset(out, 0, 16);
	if (end - s >= 2 && s[0] == ':' && s[1] == ':') {
		gap = 0;
		s += 2;
	}
	while (s < end) {
		unsigned v = 0, digits = 0;

		for (; s < end && cp_hex_digit(*s) >= 0; digits++)
			v = v << 4 | (unsigned)cp_hex_digit(*s++);
		if (!digits || digits > 4 || n == 16)
			return false;
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
		if (s == end)
			break;
		if (*s++ != ':' || s == end)
			return false;
		if (*s == ':') {
			if (gap != 16)
				return false;
			gap = n;
			s++;
		}
	}
	if (gap == 16)
		return n == 16;
	if (n == 16)
		return false;
	memmove(out + 16 - (n - gap), out + gap, n - gap);
	memset(out + gap, 0, 16 - n);
	return true;
}

static bool parse_host(const char *host, const char *end, struct cp_http_addr *a)
{
	static const uint8_t one6[16] = {[15] = 1};
	uint8_t *v4 = (uint8_t *)&a->sa.in4.sin_addr;

	if (end - host >= 2 && *host == '[' && end[-1] == ']') {
		a->sa.in6.sin6_family = AF_INET6;
		a->len = sizeof(a->sa.in6);
		if (!parse_ipv6(host + 1, end - 1, a->sa.in6.sin6_addr.s6_addr))
			return false;
		a->loopback = !memcmp(a->sa.in6.sin6_addr.s6_addr, one6, 16);
		return true;
	}
	a->sa.in4.sin_family = AF_INET;
	a->len = sizeof(a->sa.in4);
	if (host == end || (end - host == 9 && !memcmp(host, "localhost", 9)))
		v4[0] = 127, v4[3] = 1;
	else if (!parse_ipv4(host, end, v4))
		return false;
	a->loopback = v4[0] == 127;
	return true;
}

static int parse_unix(const char *text, uint32_t pid, struct cp_http_addr *a)
{
	struct cp_buf b = CP_BUF(a->sa.un.sun_path);

	a->sa.un.sun_family = AF_UNIX;
	a->len = sizeof(a->sa.un);
	a->loopback = a->shared = true;
	if (*text != '/')
		return -EINVAL;
	for (; *text; text++) {
		if (*text == '%' && text[1] == 'p') {
			cp_buf_u64(&b, pid, 1);
			a->shared = false;
			text++;
		} else {
			cp_buf_char(&b, *text);
		}
	}
	return b.cut ? -EINVAL : 0;
}

int cp_http_addr_parse(const char *text, uint32_t pid, struct cp_http_addr *a)
{
	const char *colon = strrchr(text, ':');

	memset(a, 0, sizeof(*a));
	if (!strncmp(text, "unix:", 5))
		return parse_unix(text + 5, pid, a);
	if (!colon || !parse_port(colon + 1, &a->port) || !parse_host(text, colon, a))
		return -EINVAL;
	a->shared = a->port != 0;
	a->sa.in4.sin_port = swap(a->port); /* at the same place in both */
	return 0;
}

static void show_ipv6(struct cp_buf *b, const uint8_t *v)
{
	cp_buf_char(b, '[');
	for (unsigned i = 0; i < 16; i += 2) {
		if (i)
			cp_buf_char(b, ':');
		cp_buf_hex(b, (uint64_t)v[i] << 8 | v[i + 1]);
	}
	cp_buf_char(b, ']');
}

void cp_http_addr_show(struct cp_buf *b, const struct cp_http_addr *a)
{
	static const uint8_t one6[16] = {[15] = 1};
	const uint8_t *v4 = (const uint8_t *)&a->sa.in4.sin_addr;

	if (a->sa.any.sa_family == AF_UNIX) {
		cp_buf_fmt(b, "unix:%s", a->sa.un.sun_path);
		return;
	}
	cp_buf_str(b, "http://");
	if (a->sa.any.sa_family == AF_INET)
		cp_buf_fmt(b, "%d.%d.%d.%d", v4[0], v4[1], v4[2], v4[3]);
	else if (!memcmp(a->sa.in6.sin6_addr.s6_addr, one6, 16))
		cp_buf_str(b, "[::1]");
	else
		show_ipv6(b, a->sa.in6.sin6_addr.s6_addr);
	cp_buf_fmt(b, ":%d", a->port);
}
