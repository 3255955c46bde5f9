/* SPDX-License-Identifier: MIT */
/*
 * thread.h - an ordinary thread of the control room, which libc knows of
 *
 * Context  HOST: cp_thread_make, in the process as it was started; not in forked
 *          children, where it could meet an allocator whose locks are still held.
 */
#ifndef CP_CONTROL_THREAD_H
#define CP_CONTROL_THREAD_H

/* Detached, with all signals blocked but those by which libc reaches all threads. 0 or
 * an errno value. */
int cp_thread_make(void *(*run)(void *));

#endif
