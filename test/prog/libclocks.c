/* SPDX-License-Identifier: MIT */
/*
 * libclocks.c - clocks that are set: preloaded before the agent, whose clock_gettime it is
 *
 * Context  TEST: the wall clock goes back an hour at each look once the file CLOCKS_BACK
 *          names is there; the monotonic one was an hour behind until CLOCKS_AHEAD is there, as
 *          after a suspended machine's sleep.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_there(const char *variable)
{
	const char *path = getenv(variable);

	return path && !access(path, F_OK);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	static long back;
	int result = (int)syscall(SYS_clock_gettime, clock, t);

	if (clock == CLOCK_REALTIME && is_there("CLOCKS_BACK"))
		t->tv_sec -= 3600 * __atomic_add_fetch(&back, 1, __ATOMIC_RELAXED);
	if (clock == CLOCK_MONOTONIC && getenv("CLOCKS_AHEAD") && !is_there("CLOCKS_AHEAD"))
		t->tv_sec -= 3600;
	return result;
}
