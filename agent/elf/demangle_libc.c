/* SPDX-License-Identifier: MIT */
/*
 * demangle_libc.c - what libiberty's demanglers get in place of libc
 *
 * Context  inside cp_demangle only
 * Calls    rt only.
 * Holds    Memory is handed out from one block and never given back: it is the next
 *          name's.
 * Why      The callback demanglers print numbers with sprintf and decode punycode in
 *          malloc's memory; on the agent's threads there is neither. The Makefile
 *          renames those references in the two objects taken from libiberty.
 */
#include "demangle_libc.h"

#include "demangle.h"

#include "../rt/buf.h"

#include <libiberty/safe-ctype.h>
#include <stdarg.h>
#include <string.h>

struct block {
	size_t size, pad;
	char bytes[];
};

static struct {
	char *next, *end;
} st;

void cp_demangle_heap(char *room, size_t size)
{
	st.next = room + CP_ALIGN_UP(2 * (CP_DEMANGLE_MAX + 1UL), 16UL);
	st.end = room + size;
}

void *cp_demangle_malloc(size_t n)
{
	struct block *b = (struct block *)st.next;
	size_t need = CP_ALIGN_UP(n, 16UL) + sizeof(*b);

	if (n > (size_t)(st.end - st.next) || need > (size_t)(st.end - st.next))
		return NULL;
	st.next += need;
	b->size = n;
	return b->bytes;
}

void *cp_demangle_realloc(void *p, size_t n)
{
	void *to = cp_demangle_malloc(n);

	if (to && p) {
		const struct block *from = (const struct block *)((char *)p - sizeof(*from));

		memcpy(to, p, CP_MIN(from->size, n));
	}
	return to;
}

void cp_demangle_free(void *p)
{
	(void)p;
}

static int format(char *out, size_t n, const char *fmt, va_list ap)
{
	struct cp_buf b = {out, 0, n, false};

	cp_buf_vfmt(&b, fmt, ap);
	return (int)b.len;
}

int cp_demangle_sprintf(char *out, int flag, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	/* The only callers print one number into 25 bytes or more. */
	n = format(out, CP_MIN(size, 25UL), fmt, ap);
	va_end(ap);
	return n;
}

int cp_demangle_snprintf(char *out, size_t n, int flag, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	(void)flag;
	(void)size;
	va_start(ap, fmt);
	len = format(out, n, fmt, ap);
	va_end(ap);
	return len;
}

const unsigned short cp_demangle_ctype[256] = {
	['0' ... '9'] = _sch_isdigit | _sch_isxdigit | _sch_isidst,
	['A' ... 'F'] = _sch_isupper | _sch_isxdigit | _sch_isidst,
	['G' ... 'Z'] = _sch_isupper | _sch_isidst,
	['a' ... 'f'] = _sch_islower | _sch_isxdigit | _sch_isidst,
	['g' ... 'z'] = _sch_islower | _sch_isidst,
	['_'] = _sch_isidst,
};
