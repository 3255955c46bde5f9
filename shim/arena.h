/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory for allocations that come before the real malloc is known
 *
 * Context  EARLY, ANY: lock-free; no call out but mmap and the page marks.
 * Holds    A block is recognised by its address for as long as the process
 *          lives, from every thread; blocks are zero and never used again.
 */
#ifndef CP_SHIM_ARENA_H
#define CP_SHIM_ARENA_H

#include "../agent/rt/base.h"

/* Blocks that are out. While there are none, an address needs no look at the chunks: so it is
 * once dlsym is through with its own. */
extern size_t cp_shim_arena_lent __attribute__((visibility("hidden")));

/* Before the first allocation leaves: marks the static block. */
void cp_shim_arena_init(void);
/* align is a power of two. NULL with ENOMEM when the kernel refuses memory. */
void *cp_shim_arena_alloc(size_t align, size_t size);
bool cp_shim_arena_owns(const void *p);
/* As free: is it the arena's? */
bool cp_shim_arena_take_back(const void *p);
size_t cp_shim_arena_size(const void *p);

#endif
