/* SPDX-License-Identifier: MIT */
/*
 * http_body.c - a request's body as it arrives: sized, or in chunks
 *
 * Context  ANY: pure
 * Holds    see http_parse.h. Every byte is looked at once, whatever pieces come.
 */
#include "http_parse.h"

#include "../rt/hex.h"

#define LINE_MAX 4096U /* of a chunk's extensions, and of all trailers together */

void cp_http_body_start(struct cp_http_body *b, const struct cp_http_request *r)
{
	*b = (struct cp_http_body){.left = r->length};
	if (r->chunked)
		b->state = CP_BODY_SIZE;
}

bool cp_http_body_done(const struct cp_http_body *b)
{
	return b->state == CP_BODY_DONE || (b->state == CP_BODY_PLAIN && !b->left);
}

/* A chunk's first line is over. */
static int end_size(struct cp_http_body *b)
{
	if (!b->digits)
		return -1;
	b->state = b->left ? CP_BODY_DATA : CP_BODY_TRAILER;
	b->digits = b->line = 0;
	return 1;
}

static int take_size(struct cp_http_body *b, char c)
{
	int v = cp_hex_digit(c);

	if (v >= 0) {
		if (++b->digits > 15)
			return -1;
		b->left = b->left << 4 | (unsigned)v;
		return 1;
	}
	if (c == '\n')
		return end_size(b);
	if (c != '\r' && c != ';' && c != ' ' && c != '\t')
		return -1;
	b->state = CP_BODY_EXTENSION;
	return 1;
}

static int take_control(struct cp_http_body *b, char c)
{
	switch (b->state) {
	case CP_BODY_SIZE:
		return take_size(b, c);
	case CP_BODY_EXTENSION:
		if (c == '\n')
			return end_size(b);
		return ++b->line > LINE_MAX ? -1 : 1;
	case CP_BODY_DATA_END: /* \r\n after the data */
		if (c == '\n') {
			b->state = CP_BODY_SIZE;
			b->left = b->digits = b->line = 0;
			return 1;
		}
		return c == '\r' && !b->line++ ? 1 : -1;
	default: /* trailers, until an empty line; digits: bytes in this one */
		if (c == '\n') {
			if (!b->digits)
				b->state = CP_BODY_DONE;
			b->digits = 0;
		} else if (c != '\r') {
			b->digits++;
		}
		return ++b->line > LINE_MAX ? -1 : 1;
	}
}

long cp_http_body_take(struct cp_http_body *b, const char *p, size_t n, struct cp_slice *data)
{
	*data = (struct cp_slice){p, 0};
	if (!n || cp_http_body_done(b))
		return 0;
	if (b->state != CP_BODY_PLAIN && b->state != CP_BODY_DATA)
		return take_control(b, *p);
	data->n = CP_MIN(n, b->left);
	b->left -= data->n;
	if (!b->left && b->state == CP_BODY_DATA)
		b->state = CP_BODY_DATA_END;
	return (long)data->n;
}
