/* SPDX-License-Identifier: MIT */
/*
 * join.c - waiting for threads to end
 *
 * Context  HOST. Points of cancellation, and stay so.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    The thread is not looked at: only libc can tell whether it's still one.
 */
#include "wait.h"

#define JOIN(kind, name, params, args)                                                     \
	CP_EXPORT int name params                                                          \
	{                                                                                  \
		return CP_WAITS(kind, (void *)t, NULL, name, args, cp_has_waited(result)); \
	}

JOIN(CP_WAIT_JOIN, pthread_join, (pthread_t t, void **out), (t, out))
JOIN(CP_WAIT_JOIN | CP_WAIT_TIMED, pthread_timedjoin_np, (pthread_t t, void **out, CP_UNTIL),
     (t, out, until))
JOIN(CP_WAIT_JOIN | CP_WAIT_TIMED, pthread_clockjoin_np,
     (pthread_t t, void **out, clockid_t clock, CP_UNTIL), (t, out, clock, until))

CP_EXPORT int thrd_join(thrd_t t, int *out)
{
	return CP_WAITS(CP_WAIT_JOIN, (void *)t, NULL, thrd_join, (t, out), result == thrd_success);
}
