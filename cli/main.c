/* SPDX-License-Identifier: MIT */
/*
 * main.c - the cprof program: finds the command and runs it
 *
 * Context  the cprof program.
 * Holds    The table below is all the commands there are: help lists it.
 * Fails    A reader that left (cprof top | head) ends us without a word; any
 *          other failure to write stdout is said and turns the status to 1.
 */
#include "command.h"
#include "shown.h"

#include "../agent/rt/version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_help(int argc, char **argv);
static int run_version(int argc, char **argv);

static const struct cp_command help = {
	.name = "help",
	.synopsis = "[COMMAND]",
	.summary = "say what a command does and takes",
	.help = "",
	.run = run_help,
};

static const struct cp_command version = {
	.name = "version",
	.synopsis = "",
	.summary = "print the version",
	.help = "",
	.run = run_version,
};

static const struct cp_command *const commands[] = {
	&cp_command_run,   &cp_command_snap,	  &cp_command_top, &cp_command_raw,
	&cp_command_merge, &cp_command_symbolize, &help,	   &version,
};

void cp_complain(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	fflush(stdout);
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "cprof: %s\n", n < 0 ? "out of memory" : cp_shown(text));
	if (n >= 0)
		free(text);
}

static const struct cp_command *find(const char *name)
{
	for (size_t i = 0; i < CP_ARRAY_LEN(commands); i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

static void print_overview(FILE *out)
{
	fputs("Usage: cprof COMMAND [OPTIONS] ...\n"
	      "Profiles unmodified programs through libcprof.so, and reads their profiles.\n\n",
	      out);
	for (size_t i = 0; i < CP_ARRAY_LEN(commands); i++)
		fprintf(out, "  %-11s%s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'cprof help COMMAND' tells more; so do cprof(1) and libcprof(7).\n", out);
}

static int print_help_of(const char *name)
{
	const struct cp_command *c = find(name);

	if (!c) {
		cp_complain("no command '%s'; 'cprof help' lists them", name);
		return CP_STATUS_USAGE;
	}
	printf("Usage: cprof %s%s%s\n", c->name, *c->synopsis ? " " : "", c->synopsis);
	printf("%c%s.\n", c->summary[0] - 'a' + 'A', c->summary + 1);
	if (*c->help)
		printf("\n%s", c->help);
	return CP_STATUS_OK;
}

static int run_help(int argc, char **argv)
{
	if (argc > 1)
		return print_help_of(argv[1]);
	print_overview(stdout);
	return CP_STATUS_OK;
}

static int run_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("cprof " CP_VERSION);
	return CP_STATUS_OK;
}

static bool is_one_of(const char *s, const char *a, const char *b)
{
	return !strcmp(s, a) || !strcmp(s, b);
}

static bool asks_for_help(const char *arg)
{
	return is_one_of(arg, "-h", "-help") || !strcmp(arg, "--help");
}

static int dispatch(int argc, char **argv)
{
	const struct cp_command *c;

	if (argc < 2) {
		print_overview(stderr);
		return CP_STATUS_USAGE;
	}
	if (asks_for_help(argv[1]))
		return run_help(1, argv);
	if (is_one_of(argv[1], "-V", "--version"))
		return run_version(1, argv);
	c = find(argv[1]);
	if (!c) {
		cp_complain("no command '%s'; 'cprof help' lists them", argv[1]);
		return CP_STATUS_USAGE;
	}
	if (argc > 2 && asks_for_help(argv[2]))
		return print_help_of(c->name);
	return c->run(argc - 1, argv + 1);
}

/* What stdio still holds must reach the file before we claim success. */
static int finish_stdout(int status)
{
	bool failed_before = ferror(stdout);

	if (!fclose(stdout) && !failed_before)
		return status;
	if (errno != EPIPE)
		cp_complain("standard output: %s", strerror(errno));
	return status ? status : CP_STATUS_FAILED;
}

int main(int argc, char **argv)
{
	return finish_stdout(dispatch(argc, argv));
}
