/* SPDX-License-Identifier: MIT */
/*
 * load.h - files into one profile: read, summed, with base files subtracted
 *
 * Context  the cprof program.
 * Holds    The profile and all it points to live until cp_load_release.
 * Fails    After one line that says which file and what is wrong with it.
 */
#ifndef CP_CLI_LOAD_H
#define CP_CLI_LOAD_H

#include "../agent/output/profile.h"
#include "options.h"
#include "region.h"

struct cp_load {
	struct cp_region region;
	struct cp_profile *profile;
	size_t windows;		/* files that say what happened within a span of time */
	struct cp_words totals; /* the others, of those that are added */
};

/* The sum of files minus the sum of bases; "-" is standard input. */
bool cp_load_all(struct cp_load *l, const struct cp_words *files, const struct cp_words *bases);
void cp_load_release(struct cp_load *l);

#endif
