/* SPDX-License-Identifier: MIT */
/*
 * take.h - arrays from a cp_alloc, with the multiplication checked
 *
 * Context  pure code, as pprof.h.
 * Fails    NULL: no memory, or a size no memory could have.
 */
#ifndef CP_OUTPUT_TAKE_H
#define CP_OUTPUT_TAKE_H

#include "pprof.h"

#include <string.h>

/* Never NULL for n == 0: so NULL always means that memory ran out. */
static inline void *cp_take(const struct cp_alloc *mem, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	return mem->alloc(mem->ctx, bytes ? bytes : 1);
}

static inline void *cp_take_zeroed(const struct cp_alloc *mem, size_t n, size_t size)
{
	void *p = cp_take(mem, n, size);

	return p ? memset(p, 0, n * size) : NULL;
}

static inline void cp_give(const struct cp_alloc *mem, void *p)
{
	if (p && mem->free)
		mem->free(mem->ctx, p);
}

/* The two as zlib calls them; mem: a cp_alloc. */
static inline void *cp_take_for_zlib(void *mem, unsigned n, unsigned size)
{
	return cp_take(mem, n, size);
}

static inline void cp_give_from_zlib(void *mem, void *p)
{
	cp_give(mem, p);
}

/* Room for at least `want` elements in *array, doubling; contents are not kept:
 * these are scratch arrays, filled anew for each message. */
static inline bool cp_take_room(const struct cp_alloc *mem, void **array, size_t *cap, size_t want,
				size_t size)
{
	size_t more = CP_MAX(want, *cap * 2);
	void *p;

	if (want <= *cap)
		return true;
	p = cp_take(mem, more, size);
	if (!p)
		return false;
	cp_give(mem, *array);
	*array = p;
	*cap = more;
	return true;
}

#endif
