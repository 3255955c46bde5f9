/* SPDX-License-Identifier: MIT */
/*
 * lockname.h - the names of locks: the variable, or who initialised it
 *
 * Context  CONTROL, one job
 */
#ifndef CP_CONTROL_LOCKNAME_H
#define CP_CONTROL_LOCKNAME_H

#include "../rt/mem.h"

/* All zero but for the job at first. */
struct cp_locknames {
	struct cp_arena *job;
	const char **name; /* by number; NULL: none yet */
};

/* "accounts", "server+0x28", "init make_queue"; NULL: no name. */
const char *cp_lockname(struct cp_locknames *k, uint16_t id);

#endif
