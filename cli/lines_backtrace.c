/* SPDX-License-Identifier: MIT */
/*
 * lines_backtrace.c - functions, files and lines of an object file, by libbacktrace
 *
 * Context  a separate program, one thread
 * Calls    libbacktrace.
 * Holds    One file is open at a time; addresses are p_vaddr's, as if loaded at 0.
 * Fails    The first error libbacktrace reports is the reason that is given.
 * Why      libbacktrace symbolizes the program it is part of: it takes the file for a
 *          non-PIE program, and asks dl_iterate_phdr where a PIE one was loaded. So
 *          that function is ours here, and says: at 0, and nothing else is loaded.
 *          It reads more than lines_dwarf.c does (supplementary files), but loses
 *          inlined calls whose ranges interleave, and directories.
 */
#include "lines.h"

#include "lines_heap.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asking {
	struct cp_lines_answer *answer;
	struct cp_lines_call call[CP_LINES_INLINE_MAX];
	const char *why;
	char kept[256]; /* the reason's text */
};

int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	struct dl_phdr_info program = {0};

	program.dlpi_name = "";
	return callback(&program, sizeof(program), data);
}

static void on_error(void *data, const char *msg, int errnum)
{
	struct asking *d = data;

	if (d->why)
		return;
	snprintf(d->kept, sizeof(d->kept), "%s%s%s", msg, errnum > 0 ? ": " : "",
		 errnum > 0 ? strerror(errnum) : "");
	d->why = d->kept;
}

/* Called for each inlined call, innermost first, then for the function itself. */
static int on_call(void *data, uintptr_t pc, const char *file, int line, const char *function)
{
	struct asking *d = data;
	struct cp_lines_answer *a = d->answer;
	struct cp_lines_call *c = &d->call[a->n];

	(void)pc;
	if (!file && !line && !function)
		return 0;
	if (a->n == CP_LINES_INLINE_MAX)
		return 1; /* of too many calls the outer ones go */
	a->n++;
	c->function = function ? strdup(function) : NULL;
	c->file = file ? strdup(file) : NULL;
	c->line = line > 0 ? (unsigned)line : 0;
	return 0;
}

static void ask(struct asking *d, struct backtrace_state *state, uint64_t addr,
		struct cp_lines_answer *a)
{
	d->answer = a;
	backtrace_pcinfo(state, addr, on_call, on_error, d);
	a->call = calloc(a->n + 1U, sizeof(*a->call));
	if (a->call)
		memcpy(a->call, d->call, a->n * sizeof(*a->call));
	else
		a->n = 0;
}

bool cp_lines_backtrace(const char *path, const struct cp_lines_request *r,
			struct cp_lines_answer *a, const char **why)
{
	static struct asking d;
	struct backtrace_state *state;

	memset(&d, 0, sizeof(d));
	if (!cp_lines_heap_open()) {
		*why = "no memory";
		return false;
	}
	state = backtrace_create_state(path, 0, on_error, &d);
	for (size_t i = 0; state && i < r->n && !d.why; i++)
		ask(&d, state, r->addr[i], &a[i]);
	cp_lines_heap_close();
	*why = state || d.why ? d.why : "no debug data";
	return !*why;
}
