/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - a process that shares our memory, for what must be done unseen by another
 *
 * Context  CONTROL: one system call. Block all signals around it.
 * Holds    The child runs fn(arg) on the given stack, may make system calls and
 *          nothing else (its thread pointer is the caller's), and exits with what
 *          fn answers. Its parent gets no signal when it ends, and finds it with
 *          wait4 and __WALL only.
 * Why      fork would copy the page tables of a host of any size, and vfork would
 *          hold up its thread.
 */
#ifndef CP_RT_SPAWN_H
#define CP_RT_SPAWN_H

#include "base.h"

/* flags: clone's, CLONE_VM among them, no signal. The child's pid or -errno. */
long cp_spawn(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top);

#endif
