/* SPDX-License-Identifier: MIT */
/*
 * buf.c - text built in a caller's buffer, without libc's formatting
 *
 * Context  ANY
 * Calls    memcpy, strlen.
 * Holds    see buf.h
 */
#include "buf.h"

#include <stdarg.h>
#include <string.h>

void cp_buf_mem(struct cp_buf *b, const char *s, size_t n)
{
	size_t room = b->cap ? b->cap - 1 - b->len : 0;

	if (n > room) {
		n = room;
		b->cut = true;
	}
	memcpy(b->p + b->len, s, n);
	b->len += n;
	if (b->cap)
		b->p[b->len] = 0;
}

void cp_buf_str(struct cp_buf *b, const char *s)
{
	cp_buf_mem(b, s, strlen(s));
}

void cp_buf_char(struct cp_buf *b, char c)
{
	cp_buf_mem(b, &c, 1);
}

static void put_number(struct cp_buf *b, uint64_t v, unsigned base, unsigned min_digits)
{
	char digits[64];
	size_t i = sizeof(digits);

	do {
		digits[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v || (sizeof(digits) - i < min_digits && i > 0));
	cp_buf_mem(b, digits + i, sizeof(digits) - i);
}

void cp_buf_u64(struct cp_buf *b, uint64_t v, unsigned min_digits)
{
	put_number(b, v, 10, min_digits);
}

void cp_buf_i64(struct cp_buf *b, int64_t v)
{
	if (v < 0)
		cp_buf_char(b, '-');
	put_number(b, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, 1);
}

void cp_buf_hex(struct cp_buf *b, uint64_t v)
{
	put_number(b, v, 16, 1);
}

void cp_buf_hex_bytes(struct cp_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_number(b, p[i], 16, 2);
}

static void put_one(struct cp_buf *b, char verb, bool wide, va_list *ap)
{
	switch (verb) {
	case 's':
		cp_buf_str(b, va_arg(*ap, const char *));
		break;
	case 'd':
		cp_buf_i64(b, wide ? va_arg(*ap, long) : va_arg(*ap, int));
		break;
	case 'u':
		cp_buf_u64(b, wide ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned), 1);
		break;
	case 'p':
		cp_buf_str(b, "0x");
		cp_buf_hex(b, (uintptr_t)va_arg(*ap, void *));
		break;
	case 'x':
		cp_buf_hex(b, wide ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned));
		break;
	case 'c':
		cp_buf_char(b, (char)va_arg(*ap, int));
		break;
	default:
		cp_buf_char(b, verb);
	}
}

void cp_buf_vfmt(struct cp_buf *b, const char *fmt, va_list ap)
{
	va_list args;

	va_copy(args, ap);
	for (const char *s = fmt; *s; s++) {
		bool wide = false;

		if (*s != '%') {
			cp_buf_char(b, *s);
			continue;
		}
		while (*++s == 'l')
			wide = true;
		if (!*s)
			break;
		put_one(b, *s, wide, &args);
	}
	va_end(args);
}

void cp_buf_fmt(struct cp_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cp_buf_vfmt(b, fmt, ap);
	va_end(ap);
}
