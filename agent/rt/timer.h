/* SPDX-License-Identifier: MIT */
/*
 * timer.h - CPU clocks and the timers that run on them, straight to the kernel
 *
 * Context  ANY: system calls only, errno untouched.
 * Holds    A timer made here signals one thread and no other, and is gone after exec:
 *          the kernel deletes it and takes back its pending signal before it
 *          resets the handlers, so it can't kill the new program.
 * Why      libc's timer_create allocates, and has no name for other threads' clocks.
 */
#ifndef CP_RT_TIMER_H
#define CP_RT_TIMER_H

#include "sys.h"

#include <signal.h>

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

/* The clock that counts thread tid's CPU time; 0 is the calling thread. The kernel makes
 * these numbers so: the complement of the id, "per thread", "to the nanosecond". */
CP_INLINE clockid_t cp_timer_clock(uint32_t tid)
{
	return (clockid_t)(~tid << 3 | 4 | 2);
}

/* Nanoseconds; -errno when there is no such thread any more. */
CP_INLINE int64_t cp_timer_cpu_ns(clockid_t clock)
{
	struct timespec ts = {0, 0};
	long r = CP_SYS(SYS_clock_gettime, clock, &ts);

	return r < 0 ? r : (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A timer on tid's CPU clock that signals tid; `value` comes with each signal.
 * Answers its number, or -errno. */
CP_INLINE long cp_timer_make(uint32_t tid, int sig, uint64_t value)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig};
	int timer = 0;
	long r;

	ev.sigev_value.sival_ptr = (void *)(uintptr_t)value;
	ev._sigev_un._tid = (pid_t)tid;
	r = CP_SYS(SYS_timer_create, cp_timer_clock(tid), &ev, &timer);
	return r < 0 ? r : timer;
}

CP_INLINE long cp_timer_start(int timer, int64_t first_ns, int64_t period_ns)
{
	struct itimerspec when = {
		{period_ns / 1000000000, period_ns % 1000000000},
		{first_ns / 1000000000, first_ns % 1000000000},
	};

	return CP_SYS(SYS_timer_settime, timer, 0, &when, 0);
}

/* Until it goes off next, in ns. 0: the thread it was made for is no more, whoever may
 * have its number now. -errno: no such timer. */
CP_INLINE int64_t cp_timer_left(int timer)
{
	struct itimerspec when = {{0, 0}, {0, 0}};
	long r = CP_SYS(SYS_timer_gettime, timer, &when);

	return r < 0 ? r : (int64_t)when.it_value.tv_sec * 1000000000 + when.it_value.tv_nsec;
}

CP_INLINE void cp_timer_delete(int timer)
{
	CP_SYS(SYS_timer_delete, timer);
}

#endif
