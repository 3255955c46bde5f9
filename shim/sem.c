/* SPDX-License-Identifier: MIT */
/*
 * sem.c - semaphores and barriers
 *
 * Context  HOST; SIGNAL where the host's own handlers wait.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    A semaphore above zero costs a load, a branch and a jump. One at zero is not
 *          tried first: a pending cancellation comes before its value.
 * Why      A semaphore's word is glibc's: the value in its low half. Who posts makes
 *          nobody wait: these are in the block profile only.
 */
#include "../agent/rt/atomic.h"
#include "wait.h"

CP_INLINE bool is_zero(const sem_t *s)
{
	return !(uint32_t)cp_load_rlx(&s->__align);
}

#define SEM(name, params, args)                                                                 \
	static CP_NOINLINE int name##_slow params                                               \
	{                                                                                       \
		return CP_WAITS(CP_WAIT_SEM, s, NULL, name, args, cp_has_waited_errno(result)); \
	}                                                                                       \
                                                                                                \
	CP_EXPORT int name params                                                               \
	{                                                                                       \
		if (CP_UNLIKELY(is_zero(s)))                                                    \
			return name##_slow args;                                                \
		return cp_real.name args;                                                       \
	}

SEM(sem_wait, (sem_t * s), (s))
SEM(sem_timedwait, (sem_t * s, CP_UNTIL), (s, until))
SEM(sem_clockwait, (sem_t * s, clockid_t clock, CP_UNTIL), (s, clock, until))

/* The last to come is told so, and hasn't waited. */
CP_EXPORT int pthread_barrier_wait(pthread_barrier_t *b)
{
	return CP_WAITS(CP_WAIT_BARRIER, b, NULL, pthread_barrier_wait, (b), result == 0);
}
