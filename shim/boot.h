/* SPDX-License-Identifier: MIT */
/*
 * boot.h - finding the real functions, and waking the agent
 *
 * Context  EARLY, ANY
 */
#ifndef CP_SHIM_BOOT_H
#define CP_SHIM_BOOT_H

#include "../agent/rt/base.h"
#include "table.h"

/* True once cp_real points at the real functions. False while they are being
 * looked for, by this thread or another: serve from the arena, never wait,
 * since whoever looks may wait for a lock that this thread holds. */
bool cp_shim_boot(void);
/* The same, where a call of this function comes first. CP_FN_COUNT: none, or who knows. */
bool cp_shim_boot_by(enum cp_fn fn);
/* Whose malloc stands before ours. */
enum cp_outer {
	CP_OUTER_NONE,
	CP_OUTER_ALLOCATOR, /* a library's, in front of which we can step */
	CP_OUTER_PROGRAM,   /* the program's own */
	CP_OUTER_WRAPPER,   /* anybody's, which hands on to us */
};
/* Once cp_shim_boot has answered true. */
enum cp_outer cp_shim_whose_malloc(void);
/* [ANY] One function that is no allocator's, found without the rest: its real
 * address, or a stand-in that fails with ENOSYS. */
void *cp_shim_resolve(enum cp_fn fn);

#endif
