/* SPDX-License-Identifier: MIT */
/*
 * takeover.h - standing in front of an allocator that was preloaded before us
 *
 * Context  EARLY: from the constructor, once.
 */
#ifndef CP_SHIM_TAKEOVER_H
#define CP_SHIM_TAKEOVER_H

#include "../agent/rt/base.h"

/* True when from now on the host's allocations reach us. False: they go where they
 * went (the program's own malloc, or we weren't preloaded), nothing was touched. */
bool cp_shim_takeover(void);

#endif
