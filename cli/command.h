/* SPDX-License-Identifier: MIT */
/*
 * command.h - what a command of cprof is, and how it answers
 *
 * Context  the cprof program: one thread, ordinary libc.
 * Holds    Each command lives in its own file and is one row of main.c's table.
 * Fails    A sentence on stderr, "cprof: subject: what is wrong; what now".
 *          Status 1: it could not be done. 2: it was asked for wrongly.
 */
#ifndef CP_CLI_COMMAND_H
#define CP_CLI_COMMAND_H

#include "../agent/rt/base.h"

enum cp_status {
	CP_STATUS_OK = 0,
	CP_STATUS_FAILED = 1,
	CP_STATUS_USAGE = 2,
	/* as env(1), timeout(1) and the shells have them */
	CP_STATUS_OWN = 125,
	CP_STATUS_NOT_RUNNABLE = 126,
	CP_STATUS_NOT_FOUND = 127,
};

struct cp_command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;  /* half a line */
	const char *help;     /* the options, a line each; whole lines */
	/* argv[0] is the command's name; the answer is the exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct cp_command cp_command_top;
extern const struct cp_command cp_command_raw;
extern const struct cp_command cp_command_merge;
extern const struct cp_command cp_command_symbolize;
extern const struct cp_command cp_command_run;
extern const struct cp_command cp_command_snap;

/* One line on stderr, with "cprof: " before and a newline after it. */
void cp_complain(const char *fmt, ...) CP_PRINTF(1, 2);

#endif
