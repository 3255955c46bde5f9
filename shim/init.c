/* SPDX-License-Identifier: MIT */
/*
 * init.c - where locks are made, so that those in no variable have a name
 *
 * Context  EARLY, HOST
 * Calls    cp_real, probe.h. Never: touch errno.
 * Why      The caller's address is all that is kept: a lock is made more often than it is
 *          fought for.
 */
#include "wait.h"

static void made(const void *lock, int result, void *pc)
{
	if (result == 0 && cp_probe_waits())
		cp_probe_lock_made(lock, (uintptr_t)pc);
}

/* The lock may be gone with its memory when the real call returns. */
static void goes(const void *lock)
{
	if (cp_probe_waits())
		cp_probe_lock_gone(lock);
}

#define LOCK(init, destroy, type, attributes)                 \
	CP_EXPORT int init(type *l, const attributes *a)      \
	{                                                     \
		int result = cp_real.init(l, a);              \
                                                              \
		made(l, result, __builtin_return_address(0)); \
		return result;                                \
	}                                                     \
                                                              \
	CP_EXPORT int destroy(type *l)                        \
	{                                                     \
		goes(l);                                      \
		return cp_real.destroy(l);                    \
	}

LOCK(pthread_mutex_init, pthread_mutex_destroy, pthread_mutex_t, pthread_mutexattr_t)
LOCK(pthread_rwlock_init, pthread_rwlock_destroy, pthread_rwlock_t, pthread_rwlockattr_t)

/* Exported under libc's versions by versions_ARCH.S. */
int cp_shim_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a);
int cp_shim_pthread_cond_destroy(pthread_cond_t *c);

int cp_shim_pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *a)
{
	int result = cp_real.pthread_cond_init(c, a);

	made(c, result, __builtin_return_address(0));
	return result;
}

int cp_shim_pthread_cond_destroy(pthread_cond_t *c)
{
	goes(c);
	return cp_real.pthread_cond_destroy(c);
}
