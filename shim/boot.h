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
/* [ANY] dlsym(RTLD_NEXT) without leaving a message for the host's dlerror. */
void *cp_shim_next(const char *name);
struct link_map;
/* [ANY] The loaded object an address lies in: its start, and its path. */
void *cp_shim_object_of(const void *addr, const char **path);
const struct link_map *cp_shim_map_of(const void *addr);
bool cp_shim_same_object(void *a, void *b);
/* [ANY] The definition of name that the host uses, when it isn't ours. */
void *cp_shim_outer(const char *name);
/* [ANY] The same of the malloc family, where it may be one of an old version, as glibc's
 * libc_malloc_debug has them: the program's calls reach it, a look-up of the mere name doesn't. */
void *cp_shim_outer_malloc(const char *name);

#endif
