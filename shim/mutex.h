/* SPDX-License-Identifier: MIT */
/*
 * mutex.h - what a mutex says of itself, to those who only look
 *
 * Context  HOST
 * Holds    Each look is one relaxed load of glibc's own words; to be wrong costs a
 *          sample, never the lock.
 */
#ifndef CP_SHIM_MUTEX_H
#define CP_SHIM_MUTEX_H

#include "../agent/probe.h"
#include "../agent/rt/atomic.h"

#include <pthread.h>

/* 0 free, 1 taken, 2 taken and perhaps waited for; the owner's thread id where the
 * kernel takes part. */
CP_INLINE uint32_t cp_mutex_word(const pthread_mutex_t *m)
{
	return (uint32_t)cp_load_rlx(&m->__data.__lock);
}

/* Does another thread have it? */
bool cp_mutex_is_taken(const pthread_mutex_t *m);
/* Would an unlock release it? An inner one of a recursive mutex doesn't. */
bool cp_mutex_is_released(const pthread_mutex_t *m);
/* It is about to be released within the call: who waits for it is charged to that. */
void cp_mutex_gives_up(const pthread_mutex_t *m, struct cp_call call);

#endif
