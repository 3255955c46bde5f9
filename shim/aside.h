/* SPDX-License-Identifier: MIT */
/*
 * aside.h - standing aside where nothing is to be seen
 *
 * Context  EARLY: from the constructor, once.
 */
#ifndef CP_SHIM_ASIDE_H
#define CP_SHIM_ASIDE_H

#include "../agent/rt/base.h"

/* The program's own calls go past us from now on, if the loader has bound them: of the malloc
 * family when allocations aren't sampled, of malloc_usable_size alone when they are; and of those
 * that may wait for descriptors when nobody is interested in that. */
void cp_shim_aside(bool sampled, bool waits);

#endif
