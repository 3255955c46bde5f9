/* SPDX-License-Identifier: MIT */
/*
 * lines_heap.c - libbacktrace's memory, bounded, and given back
 *
 * Context  a separate program, one thread
 * Calls    jemalloc.
 * Holds    All that libbacktrace allocates for one file lies in one jemalloc arena,
 *          which is destroyed with it: libbacktrace itself never frees a state.
 * Fails    Beyond the bound: NULL and libbacktrace's error callback.
 * Why      libbacktrace is built to have one of several allocators linked in; these
 *          five functions are that interface (internal.h of its sources). Its own
 *          maps pages by itself, beyond anyone's count.
 */
#include "lines_heap.h"

#include "lines.h"

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <stdio.h>
#include <string.h>

static struct {
	unsigned arena; /* 0: jemalloc's ordinary ones */
} st;

bool cp_lines_heap_open(void)
{
	size_t size = sizeof(st.arena);

	return mallctl("arenas.create", &st.arena, &size, NULL, 0) == 0;
}

void cp_lines_heap_close(void)
{
	char name[64];

	if (!st.arena)
		return;
	snprintf(name, sizeof(name), "arena.%u.destroy", st.arena);
	mallctl(name, NULL, NULL, NULL, 0);
	st.arena = 0;
}

static int flags(void)
{
	/* No thread cache: it would keep blocks of an arena that is gone. */
	return MALLOCX_ARENA(st.arena) | MALLOCX_TCACHE_NONE;
}

void *backtrace_alloc(struct backtrace_state *state, size_t size, backtrace_error_callback on_error,
		      void *data)
{
	void *p = cp_lines_room(size) ? mallocx(size ? size : 1, flags()) : NULL;

	(void)state;
	if (!p && on_error)
		on_error(data, "memory limit reached", ENOMEM);
	return p;
}

void backtrace_free(struct backtrace_state *state, void *p, size_t size,
		    backtrace_error_callback on_error, void *data)
{
	(void)state;
	(void)size;
	(void)on_error;
	(void)data;
	if (p)
		dallocx(p, flags());
}

/* Room for size more bytes at the end, which the caller fills. */
void *backtrace_vector_grow(struct backtrace_state *state, size_t size,
			    backtrace_error_callback on_error, void *data,
			    struct backtrace_vector *v)
{
	if (size > v->alc) {
		size_t cap = CP_MAX(v->size + size, CP_MAX(2 * v->size, 256UL));
		char *base;

		base = backtrace_alloc(state, cap, on_error, data);
		if (!base)
			return NULL;
		if (v->base && v->size)
			memcpy(base, v->base, v->size);
		backtrace_free(state, v->base, 0, on_error, data);
		v->base = base;
		v->alc = cap - v->size;
	}
	v->size += size;
	v->alc -= size;
	return (char *)v->base + v->size - size;
}

/* Hands out what has been gathered; the vector starts anew. */
void *backtrace_vector_finish(struct backtrace_state *state, struct backtrace_vector *v,
			      backtrace_error_callback on_error, void *data)
{
	void *base;

	if (!backtrace_vector_release(state, v, on_error, data))
		return NULL;
	base = v->base;
	*v = (struct backtrace_vector){NULL, 0, 0};
	return base;
}

/* Nothing more will be added: give back the rest. */
int backtrace_vector_release(struct backtrace_state *state, struct backtrace_vector *v,
			     backtrace_error_callback on_error, void *data)
{
	void *base;

	(void)state;
	if (!v->base) /* an empty one must still not look like a failure */
		return backtrace_vector_grow(state, 1, on_error, data, v) && (v->size = 0, 1);
	base = rallocx(v->base, v->size ? v->size : 1, flags());
	if (!base) {
		on_error(data, "memory limit reached", ENOMEM);
		return 0;
	}
	v->base = base;
	v->alc = 0;
	return 1;
}
