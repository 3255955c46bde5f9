/* SPDX-License-Identifier: MIT */
/*
 * merge.c - cprof merge: several profiles into one, or the difference of two
 *
 * Context  the cprof program.
 * Holds    What was read is written by save.c: whole or not at all.
 * Fails    After one line.
 */
#include "command.h"
#include "load.h"
#include "save.h"

#include <stdio.h>
#include <unistd.h>

/* Leaves no sample of zero and nothing that only such samples used. */
static bool tidy(struct cp_load *l)
{
	const char *why = "out of memory";
	struct cp_profile *p = cp_profile_merge(l->profile, NULL, 1, &l->region.alloc, &why);

	if (!p) {
		cp_complain("merge: %s", why);
		return false;
	}
	l->profile = p;
	return true;
}

static int run(int argc, char **argv)
{
	struct cp_words files = {NULL, 0}, bases = {NULL, 0};
	const char *out = NULL;
	const struct cp_option options[] = {
		{"o", "output", .text = &out},
		{"base", NULL, .list = &bases},
		{.name = NULL},
	};
	struct cp_load l;
	int status = CP_STATUS_FAILED;

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_ANYWHERE, &files))
		return CP_STATUS_USAGE;
	if (!files.n) {
		cp_complain("merge: no file given; 'cprof help merge' says more");
		return CP_STATUS_USAGE;
	}
	if (!out && isatty(STDOUT_FILENO)) {
		cp_complain("merge: a profile is not for a terminal; give -o FILE");
		return CP_STATUS_USAGE;
	}
	if (!cp_load_all(&l, &files, &bases))
		return CP_STATUS_FAILED;
	if (tidy(&l))
		status = cp_save(&l, out);
	cp_load_release(&l);
	return status;
}

const struct cp_command cp_command_merge = {
	.name = "merge",
	.synopsis = "[-o OUT] [--base FILE] FILE...",
	.summary = "add profiles up, or subtract one, into a new file",
	.help = "  -o OUT        write there, not to standard output\n"
		"  --base FILE   subtract FILE; may be given again\n",
	.run = run,
};
