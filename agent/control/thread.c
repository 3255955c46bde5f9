/* SPDX-License-Identifier: MIT */
/*
 * thread.c - an ordinary thread of the control room, which libc knows of
 *
 * Context  HOST
 * Calls    pthread_create and its attributes.
 * Holds    Every signal is blocked on it but 32 and 33, by which libc reaches all
 *          threads: without them the host's setuid() would wait for ever.
 */
#include "thread.h"

#include "../rt/sys.h"

#include <pthread.h>

#define STACK_SIZE (128UL << 10)

static int make(void *(*run)(void *), size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (pthread_attr_init(&attr))
		return 12; /* ENOMEM */
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	r = pthread_create(&thread, &attr, run, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

int cp_thread_make(void *(*run)(void *))
{
	const uint64_t ours = ~(3ULL << 31);
	uint64_t mask;
	int r;

	CP_SYS(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &ours, &mask, sizeof(mask));
	r = make(run, STACK_SIZE);
	if (r == 22 /* EINVAL: the host's thread-local variables need more */)
		r = make(run, 0);
	cp_sys_restore_signals(&mask);
	return r;
}
