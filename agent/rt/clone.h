/* SPDX-License-Identifier: MIT */
/*
 * clone.h - a short-lived thread that libc never learns of, and a process on our memory
 *
 * Context  ANY: async-signal-safe; one system call and a few stores. Block all signals around
 *          each: what is made keeps the mask.
 * Holds    What runs on such a thread has the thread-local variables its maker put around
 *          tp, and a stack guard, but none of libc's own state: it may use system calls
 *          and pure functions, nothing else. In a room that is used again (control/bare.c)
 *          cp_self is zeroed each time; the others stay zero, for nobody writes them there.
 *          A process may make system calls and nothing else: its thread pointer is the caller's.
 * Fails    -errno from the kernel; nothing was started. No process is made under valgrind, which
 *          knows fork's and vfork's flags and ends a program that has others.
 * Why      A thread made by pthread_create ends libc's single-thread paths for
 *          good and takes memory from the host's heap; libc's own way to make a
 *          thread block is private to it. One file per processor.
 *          The flags are pthread_create's, but for CLONE_SYSVSEM: that gives a maker
 *          without semaphores to undo a list for them, which kcmp shows, and holds up
 *          what is undone when it ends. Behind a filter they are the very same, for
 *          some kill for any other: QEMU's does.
 *          A process is for what must be done unseen by another; fork would copy the page
 *          tables of a host of any size, and vfork would hold up its thread.
 */
#ifndef CP_RT_CLONE_H
#define CP_RT_CLONE_H

#include "base.h"

/* Makes the zeroed bytes around tp look like a thread's control block: what
 * compiled code reads of it (self pointers, stack guard) comes from this thread. */
void cp_clone_block(void *tp);

/* Runs fn(arg) on a new thread of this process. The kernel writes its id to *tid
 * before this returns, and clears the word (waking shared futex waiters) once the
 * thread no longer uses its stack. */
long cp_clone_thread(int (*fn)(void *), void *arg, void *stack_top, void *tp, uint32_t *tid);

/* Runs fn(arg) as a new process, which exits with what fn answers. Its parent gets no signal
 * when it ends, and finds it with wait4 and __WALL only. flags: clone's, CLONE_VM among them,
 * no signal. The child's pid or -errno. */
long cp_clone_process(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top);

/* What the two stand on, by processor: the kernel's clone, and on the other side fn(arg) on
 * the given stack, and an end with what it answers. */
long cp_clone(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top, void *tp,
	      uint32_t *tid);

/* What a signal handler installed by raw rt_sigaction returns to; NULL where the
 * kernel brings its own. */
void *cp_clone_sigreturn(void);

#endif
