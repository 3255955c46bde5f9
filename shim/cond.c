/* SPDX-License-Identifier: MIT */
/*
 * cond.c - pthread condition variables
 *
 * Context  HOST. Points of cancellation, and stay so: a wait that is cancelled needs no
 *          end (probe.h), and our frames unwind.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    Each caller comes to the function of the version it asked for: the old one
 *          keeps a pointer where the new one keeps its words.
 *          To wait is to release the mutex: who waits for that is charged to the caller,
 *          before the call, since it returns with the mutex held.
 * Why      What the call then waits for the mutex is part of its wait: libc takes it
 *          inside, unseen by us.
 */
#include "mutex.h"
#include "wait.h"

/* Exported under libc's versions by versions_ARCH.S. */
int cp_shim_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int cp_shim_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, CP_UNTIL);
int cp_shim_old_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int cp_shim_old_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, CP_UNTIL);

#define COND(wrapper, name, params, args)                                                          \
	CP_NOINLINE int wrapper params                                                             \
	{                                                                                          \
		const struct cp_call here = CP_CALL(name);                                         \
                                                                                                   \
		if (!cp_probe_waits())                                                             \
			return cp_real.name args;                                                  \
		cp_mutex_gives_up(m, here);                                                        \
		return CP_WAITING_BY(here, CP_WAIT_COND, c, m, name, args, cp_has_waited(result)); \
	}

COND(cp_shim_pthread_cond_wait, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
COND(cp_shim_pthread_cond_timedwait, pthread_cond_timedwait,
     (pthread_cond_t * c, pthread_mutex_t *m, CP_UNTIL), (c, m, until))
COND(cp_shim_old_cond_wait, old_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
COND(cp_shim_old_cond_timedwait, old_cond_timedwait,
     (pthread_cond_t * c, pthread_mutex_t *m, CP_UNTIL), (c, m, until))
CP_EXPORT COND(pthread_cond_clockwait, pthread_cond_clockwait,
	       (pthread_cond_t * c, pthread_mutex_t *m, clockid_t clock, CP_UNTIL),
	       (c, m, clock, until))
