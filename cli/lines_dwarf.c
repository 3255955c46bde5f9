/* SPDX-License-Identifier: MIT */
/*
 * lines_dwarf.c - functions, files and lines of an object file, by libbacktrace
 *
 * Context  a separate program, one thread
 * Calls    libbacktrace.
 * Holds    One file is open at a time; addresses are p_vaddr's, as if loaded at 0.
 * Fails    The first error libbacktrace reports is the reason that is given.
 * Why      libbacktrace symbolizes the program it is part of: it takes the file for a
 *          non-PIE program, and asks dl_iterate_phdr where a PIE one was loaded. So
 *          that function is ours here, and says: at 0, and nothing else is loaded.
 */
#include "lines.h"

#include "lines_heap.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cp_lines_dwarf {
	struct backtrace_state *state;
	struct cp_lines_answer *answer;
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
	struct cp_lines_dwarf *d = data;

	if (d->why)
		return;
	snprintf(d->kept, sizeof(d->kept), "%s%s%s", msg, errnum > 0 ? ": " : "",
		 errnum > 0 ? strerror(errnum) : "");
	d->why = d->kept;
}

static void forget(struct cp_lines_answer *a)
{
	for (unsigned i = 0; i < CP_LINES_INLINE_MAX; i++) {
		free(a->call[i].function);
		free(a->call[i].file);
	}
	memset(a, 0, sizeof(*a));
}

/* Called for each inlined call, innermost first, then for the function itself. */
static int on_call(void *data, uintptr_t pc, const char *file, int line, const char *function)
{
	struct cp_lines_answer *a = ((struct cp_lines_dwarf *)data)->answer;
	struct cp_lines_call *c = &a->call[a->n];

	(void)pc;
	if (!file && !line && !function)
		return 0;
	/* The function itself is the last: of too many calls the outer ones go. */
	if (a->n == CP_LINES_INLINE_MAX)
		return 1;
	a->n++;
	c->function = function ? strdup(function) : NULL;
	c->file = file ? strdup(file) : NULL;
	c->line = line > 0 ? (unsigned)line : 0;
	return 0;
}

struct cp_lines_dwarf *cp_lines_dwarf_open(const char *path, const char **why)
{
	static struct cp_lines_answer answer;
	static struct cp_lines_dwarf d;

	memset(&d, 0, sizeof(d));
	d.answer = &answer;
	if (!cp_lines_heap_open()) {
		*why = "no memory";
		return NULL;
	}
	d.state = backtrace_create_state(path, 0, on_error, &d);
	if (d.state)
		return &d;
	*why = d.why ? d.why : "no debug data";
	cp_lines_heap_close();
	return NULL;
}

bool cp_lines_dwarf_ask(struct cp_lines_dwarf *d, uint64_t addr, struct cp_lines_answer *a,
			const char **why)
{
	forget(d->answer);
	d->why = NULL;
	backtrace_pcinfo(d->state, addr, on_call, on_error, d);
	*why = d->why;
	*a = *d->answer;
	return !d->why;
}

void cp_lines_dwarf_close(struct cp_lines_dwarf *d)
{
	if (!d)
		return;
	forget(d->answer);
	cp_lines_heap_close();
}
