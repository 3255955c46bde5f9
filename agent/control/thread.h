/* SPDX-License-Identifier: MIT */
/*
 * thread.h - an ordinary thread of the control room, which libc knows of
 *
 * Context  HOST: cp_thread_make, in the process as it was started; not in forked
 *          children, where it could meet an allocator whose locks are still held.
 *          cp_thread_alone: on a thread so made. cp_thread_be_ordinary: on any of ours.
 * Why      A main thread may leave by pthread_exit; libc then ends the process with its
 *          last thread, which must not be one of ours: the host's last output would go to
 *          our descriptors. So the host's last thread ends the process. Where that is not
 *          seen (it asked the kernel itself to end), each of ours asks now and then
 *          whether the host's have all gone, and returns.
 */
#ifndef CP_CONTROL_THREAD_H
#define CP_CONTROL_THREAD_H

#include "../rt/base.h"

typedef void cp_thread_main_fn(void);

/* Detached, with all signals blocked but those by which libc reaches all threads. 0 or
 * an errno value. */
int cp_thread_make(cp_thread_main_fn *run);
/* Is this where such a thread begins? The host did not make it. */
bool cp_thread_is_own(uintptr_t start);
/* True when the main thread has left and nobody is there but our own ordinary threads. */
bool cp_thread_alone(void);
/* [HOST] One of the host's threads leaves, from its destructor. The last of them ends the
 * process as libc would, did it not count ours. */
void cp_thread_hosts_leaves(void);
/* [HOST] The process enters a sandbox, where a system call may kill: no more of this. */
void cp_thread_shut_in(void);
/* Gives up a realtime policy, which the host's thread that made or asked this one passed
 * on: at its priority ours would keep the host's others waiting. Behind a filter it can't. */
void cp_thread_be_ordinary(void);

#endif
