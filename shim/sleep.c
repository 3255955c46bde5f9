/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - threads that wait for time to pass
 *
 * Context  HOST; SIGNAL where the host's own handlers sleep.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 */
#include "wait.h"

#define SLEEP(name, result_type, params, args, waited)                           \
	CP_EXPORT result_type name params                                        \
	{                                                                        \
		return CP_WAITS_FOR_IO(CP_WAIT_SLEEP, NULL, name, args, waited); \
	}

SLEEP(sleep, unsigned, (unsigned seconds), (seconds), true)
SLEEP(usleep, int, (useconds_t us), (us), cp_has_waited_errno(result))
SLEEP(nanosleep, int, (const struct timespec *ts, struct timespec *left), (ts, left),
      cp_has_waited_errno(result))
SLEEP(clock_nanosleep, int,
      (clockid_t clock, int flags, const struct timespec *ts, struct timespec *left),
      (clock, flags, ts, left), result == 0 || result == EINTR)
SLEEP(thrd_sleep, int, (const struct timespec *ts, struct timespec *left), (ts, left),
      result == 0 || result == -1)
