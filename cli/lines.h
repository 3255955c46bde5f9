/* SPDX-License-Identifier: MIT */
/*
 * lines.h - the parts of cprof-lines
 *
 * Context  a separate program, one thread.
 */
#ifndef CP_CLI_LINES_H
#define CP_CLI_LINES_H

#include "agent/rt/base.h"

#define CP_LINES_INLINE_MAX 64U /* calls inlined into each other at one address */

/* One request: addresses, as p_vaddr counts, in one object. */
struct cp_lines_request {
	char *path;  /* the object */
	char *debug; /* NULL, or the file with its symbols and debug data */
	char *id;    /* NULL, or the build-id both must have, in hex */
	bool want_lines, want_names;
	uint64_t *addr;
	size_t n, cap;
};

struct cp_lines_call {
	char *function, *file; /* NULL: not known */
	unsigned line;
};

/* What is known of one address; calls[0] is the innermost. All zero: nothing. */
struct cp_lines_answer {
	struct cp_lines_call *call;
	unsigned n;
};
void cp_lines_answer_free(struct cp_lines_answer *a);

/* Function and line of each of r's addresses, from DWARF in a file. False and *why
 * when nothing can be told. */
bool cp_lines_dwarf(const char *path, const struct cp_lines_request *r, struct cp_lines_answer *a,
		    const char **why);
/* The same by libbacktrace, for what the other can't read: dwz, split units. */
bool cp_lines_backtrace(const char *path, const struct cp_lines_request *r,
			struct cp_lines_answer *a, const char **why);

/* Names from symbol tables, MiniDebugInfo included: name[i] for request addr[i], NULL
 * where there is none. False and *why when the object can't be used. */
bool cp_lines_names(const struct cp_lines_request *r, char **name, const char **why);

/* Takes care of the machine: low priority, first to go when memory is short, bounds on
 * memory and time. */
void cp_lines_limit(size_t heap_bytes, unsigned cpu_seconds);
/* Is there room for n more bytes under the bound? */
bool cp_lines_room(size_t n);

#endif
