/* SPDX-License-Identifier: MIT */
/*
 * out.c - bytes to be sent later, kept in an arena as they come
 *
 * Context  CONTROL
 * Calls    rt only.
 */
#include "out.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define PIECE (32UL * 1024 - 64)

static bool add_piece(struct cp_out *o)
{
	struct cp_out_piece *p = cp_arena_alloc(o->arena, sizeof(*p) + PIECE);

	if (!p) {
		o->error = -ENOMEM;
		return false;
	}
	p->cap = PIECE;
	if (o->last)
		o->last->next = p;
	else
		o->first = p;
	o->last = p;
	return true;
}

int cp_out_write(void *ctx, const void *buf, size_t n)
{
	struct cp_out *o = ctx;
	const char *from = buf;

	while (n && !o->error) {
		struct cp_out_piece *p = o->last;
		size_t part = p ? CP_MIN(n, p->cap - p->used) : 0;

		if (!part) {
			add_piece(o);
			continue;
		}
		memcpy(p->bytes + p->used, from, part);
		p->used += part;
		o->total += part;
		from += part;
		n -= part;
	}
	return o->error;
}

bool cp_out_has_room(const struct cp_out *o, size_t n)
{
	const struct cp_arena *a = o->arena;

	return !a->limit || a->limit - a->mapped + a->left > n + n / 256 + 2 * PIECE;
}

void cp_out_share(struct cp_out *o, size_t n)
{
	struct cp_arena *a = o->arena;
	size_t whole = a->limit;

	if (!whole)
		return;
	/* At the limit, since an arena maps more than it is asked for up to there. */
	a->limit = a->mapped + (whole - a->mapped) / 2;
	if (!cp_out_has_room(o, n))
		a->limit = whole;
}

void cp_out_str(struct cp_out *o, const char *s)
{
	cp_out_write(o, s, strlen(s));
}

void cp_out_fmt(struct cp_out *o, const char *fmt, ...)
{
	char line[512];
	struct cp_buf b = CP_BUF(line);
	va_list ap;

	va_start(ap, fmt);
	cp_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	cp_out_write(o, line, b.len);
}
