/* SPDX-License-Identifier: MIT */
/*
 * aside.h - standing aside where nothing is to be seen
 *
 * Context  EARLY: from the constructor, once.
 */
#ifndef CP_SHIM_ASIDE_H
#define CP_SHIM_ASIDE_H

#include "../agent/rt/base.h"

/* The program's own calls of the malloc family go past us from now on, if the loader has bound
 * them: of all of it when allocations aren't sampled, of malloc_usable_size when they are. */
void cp_shim_aside(bool sampled);

#endif
