/* SPDX-License-Identifier: MIT */
/*
 * libthreadclock.c - a clock_gettime that keeps something for each thread, as libfaketime's does
 *
 * Context  TEST: preloaded beside the agent.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static __thread volatile long looks;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	looks++;
	return (int)syscall(SYS_clock_gettime, clock, t);
}
