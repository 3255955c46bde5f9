/* SPDX-License-Identifier: MIT */
/*
 * lines.c - cprof-lines: answers addresses with functions, files and lines
 *
 * Context  a separate program, started by the agent for the time of one snapshot, or
 *          by `cprof symbolize`; standard input and output are its only ways out.
 * Holds    A request is read whole before it is answered. Text, one item a line:
 *            F path      the object           D path   its debug file
 *            I hex       their build-id       W ln     wanted: lines, names
 *            A hex       an address           .        that was all: answer
 *          and for each address, in order,
 *            A hex
 *            N symbol                         from the symbol tables
 *            L line TAB function TAB file     innermost first; empty: not known
 *          then, if something went wrong, E and what, and a line with a dot.
 * Fails    What is no request ends the program with status 2.
 */
#include "lines.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define DEFAULT_HEAP	(512UL << 20)
#define DEFAULT_SECONDS 120U
#define ADDRESSES_MAX	(1U << 20)

static void clear(struct cp_lines_request *r)
{
	free(r->path);
	free(r->debug);
	free(r->id);
	r->path = r->debug = r->id = NULL;
	r->want_lines = r->want_names = false;
	r->n = 0;
}

static bool set(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to != NULL;
}

static bool add_address(struct cp_lines_request *r, const char *hex)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 1024;
		uint64_t *more =
			cap <= ADDRESSES_MAX ? realloc(r->addr, cap * sizeof(*more)) : NULL;

		if (!more)
			return false;
		r->addr = more;
		r->cap = cap;
	}
	r->addr[r->n++] = strtoull(hex, NULL, 16);
	return true;
}

static bool take(struct cp_lines_request *r, const char *line)
{
	switch (line[0]) {
	case 'F':
		return set(&r->path, line + 1);
	case 'D':
		return set(&r->debug, line + 1);
	case 'I':
		return set(&r->id, line + 1);
	case 'W':
		r->want_lines = strchr(line, 'l') != NULL;
		r->want_names = strchr(line, 'n') != NULL;
		return true;
	case 'A':
		return add_address(r, line + 1);
	default:
		return false;
	}
}

/* 1: a whole request, 0: no more, -1: nonsense. */
static int read_request(struct cp_lines_request *r)
{
	static char *line;
	static size_t cap;
	ssize_t n;

	clear(r);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] != '\n')
			return -1; /* cut off */
		line[n - 1] = 0;
		if (!strcmp(line, "."))
			return r->path ? 1 : -1;
		if (!take(r, line))
			return -1;
	}
	return r->path ? -1 : 0;
}

/* Tabs and line ends are the protocol's. */
static void put_text(const char *s)
{
	for (; s && *s; s++)
		putchar(*s == '\t' || *s == '\n' || *s == '\r' ? '?' : *s);
}

static void put_calls(const struct cp_lines_answer *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		printf("L%u\t", a->call[i].line);
		put_text(a->call[i].function);
		putchar('\t');
		put_text(a->call[i].file);
		putchar('\n');
	}
}

static void put_error(const char *why)
{
	putchar('E');
	put_text(why);
	putchar('\n');
}

static void put_answers(const struct cp_lines_request *r, char *const *name,
			const struct cp_lines_answer *a)
{
	for (size_t i = 0; i < r->n; i++) {
		printf("A%llx\n", (unsigned long long)r->addr[i]);
		if (name[i]) {
			putchar('N');
			put_text(name[i]);
			putchar('\n');
		}
		put_calls(&a[i]);
	}
}

void cp_lines_answer_free(struct cp_lines_answer *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		free(a->call[i].function);
		free(a->call[i].file);
	}
	free(a->call);
	*a = (struct cp_lines_answer){NULL, 0};
}

static void find_lines(const struct cp_lines_request *r, struct cp_lines_answer *a,
		       const char **why)
{
	const char *path = r->debug ? r->debug : r->path;

	if (!r->want_lines || cp_lines_dwarf(path, r, a, why))
		return;
	for (size_t i = 0; i < r->n; i++)
		cp_lines_answer_free(&a[i]);
	cp_lines_backtrace(path, r, a, why);
}

static void answer(const struct cp_lines_request *r)
{
	char **name = calloc(r->n + 1, sizeof(*name));
	struct cp_lines_answer *a = calloc(r->n + 1, sizeof(*a));
	const char *why = "out of memory";

	if (name && a && cp_lines_names(r, name, &why)) {
		find_lines(r, a, &why);
		put_answers(r, name, a);
	}
	if (why)
		put_error(why);
	for (size_t i = 0; name && a && i < r->n; i++) {
		free(name[i]);
		cp_lines_answer_free(&a[i]);
	}
	free(name);
	free(a);
	puts(".");
	fflush(stdout);
}

/* Whoever started us may have had signals blocked or ignored. */
static void default_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	struct cp_lines_request r = {0};
	int got;

	if (argc > 3 || (argc > 1 && argv[1][0] == '-')) {
		fputs("usage: cprof-lines [MEGABYTES [SECONDS]]\n"
		      "Answers addresses with function names, files and lines; a part of cprof,\n"
		      "started by it when there is need.\n",
		      stderr);
		return 2;
	}
	default_signals();
	prctl(PR_SET_NAME, "cprof-lines");
	cp_lines_limit(argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : DEFAULT_HEAP,
		       argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : DEFAULT_SECONDS);
	while ((got = read_request(&r)) > 0)
		answer(&r);
	clear(&r);
	free(r.addr);
	return got ? 2 : 0;
}
