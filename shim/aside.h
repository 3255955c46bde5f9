/* SPDX-License-Identifier: MIT */
/*
 * aside.h - standing aside where nothing is to be seen
 *
 * Context  EARLY: from the constructor, once.
 */
#ifndef CP_SHIM_ASIDE_H
#define CP_SHIM_ASIDE_H

#include "../agent/rt/base.h"

/* What anybody is interested in. */
struct cp_shim_interest {
	bool allocations;
	bool locks; /* mutexes and read-write locks: to take and release them */
	bool io;    /* waits for descriptors */
};

/* The program's own calls of what nobody is interested in go past us from now on, if the
 * loader has bound them; those of malloc_usable_size anyway. */
void cp_shim_aside(struct cp_shim_interest in);

#endif
