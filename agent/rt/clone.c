/* SPDX-License-Identifier: MIT */
/*
 * clone.c - a thread that libc never learns of, and a process on our memory
 *
 * Context  ANY
 * Calls    clone, straight to the kernel; filter.h.
 * Holds    see clone.h
 */
#include "clone.h"

#include "arch.h"
#include "filter.h"

#include <errno.h>
#include <sched.h>

#define FLAGS                                                                              \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS | \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

long cp_clone_thread(int (*fn)(void *), void *arg, void *stack_top, void *tp, uint32_t *tid)
{
	unsigned long flags = FLAGS | (cp_filter_is_none() ? 0 : CLONE_SYSVSEM); /* see clone.h */

	return cp_clone(flags, fn, arg, stack_top, tp, tid);
}

long cp_clone_process(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top)
{
	if (cp_cpu_is_valgrind())
		return -ENOSYS; /* see clone.h */
	return cp_clone(flags, fn, arg, stack_top, NULL, NULL);
}
