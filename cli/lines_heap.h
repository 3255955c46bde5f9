/* SPDX-License-Identifier: MIT */
/*
 * lines_heap.h - libbacktrace's memory, bounded, and given back
 *
 * Context  a separate program, one thread.
 * Holds    The layout of backtrace_vector is that of libbacktrace's internal.h.
 */
#ifndef CP_CLI_LINES_HEAP_H
#define CP_CLI_LINES_HEAP_H

#include <backtrace.h>
#include <stdbool.h>
#include <stddef.h>

/* Around the life of one backtrace_state. */
bool cp_lines_heap_open(void);
void cp_lines_heap_close(void);

struct backtrace_vector {
	void *base;
	size_t size, alc; /* bytes used, and bytes free behind them */
};

void *backtrace_alloc(struct backtrace_state *state, size_t size, backtrace_error_callback on_error,
		      void *data);
void backtrace_free(struct backtrace_state *state, void *p, size_t size,
		    backtrace_error_callback on_error, void *data);
void *backtrace_vector_grow(struct backtrace_state *state, size_t size,
			    backtrace_error_callback on_error, void *data,
			    struct backtrace_vector *v);
void *backtrace_vector_finish(struct backtrace_state *state, struct backtrace_vector *v,
			      backtrace_error_callback on_error, void *data);
int backtrace_vector_release(struct backtrace_state *state, struct backtrace_vector *v,
			     backtrace_error_callback on_error, void *data);

#endif
