/* SPDX-License-Identifier: MIT */
/*
 * life.h - the shim's own beginning and end
 *
 * Context  EARLY, HOST
 */
#ifndef CP_SHIM_LIFE_H
#define CP_SHIM_LIFE_H

#include "../agent/rt/base.h"
#include "table.h"

/* [EARLY] The agent stays inert; a line will say so, with why and what. */
void cp_shim_life_refuse(const char *why, const char *what);
/* [ANY] Wakes the agent if it may be; true when heap sampling is none of our
 * business: another allocator, or another copy of us, stands before us. Every
 * slow path asks first, by the function it is of (boot.h): the answer also means that cp_real
 * is resolved. */
bool cp_shim_idle(enum cp_fn by);
/* [HOST] Does this process own the agent's memory? Not so in a vfork child,
 * which runs on its parent's. */
bool cp_shim_at_home(void);
/* [FORK] In a new process that goes on with a copy of everything. */
void cp_shim_forked(void);
/* [HOST] The process ends: tells the agent, once. */
void cp_shim_ending(void);

#endif
