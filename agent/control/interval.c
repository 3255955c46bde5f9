/* SPDX-License-Identifier: MIT */
/*
 * interval.c - the control thread, there only when CPROF_INTERVAL asks for it
 *
 * Context  HOST: cp_interval_start      its own thread: the rest
 * Calls    pthread_create and its attributes; system calls; job.c.
 * Holds    Every signal is blocked on it but 32 and 33, by which libc reaches all
 *          threads: without them the host's setuid() would wait for ever.
 * Fails    No thread: one line, no snapshots by time.
 * Why      An ordinary thread, since it lives long: libc's setuid() and exit must
 *          know of it. In a forked child, where making one could meet an allocator
 *          whose locks are still held, the job keeps the interval (job.c).
 */
#include "interval.h"

#include "../rt/log.h"
#include "../rt/sys.h"
#include "config.h"
#include "job.h"
#include "reason.h"

#include <pthread.h>
#include <sys/prctl.h>

#define STACK_SIZE (128UL << 10)

static void sleep_until(int64_t when)
{
	struct timespec ts = {when / 1000000000, when % 1000000000};

	while (CP_SYS(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, 0) ==
	       -4 /* EINTR */)
		;
}

static void *control_main(void *arg)
{
	int64_t step = (int64_t)cp_config.interval_ns;
	int64_t next = cp_now_ns(CLOCK_MONOTONIC);

	(void)arg;
	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof");
	for (;;) {
		/* By the clock, not by what is left: no drift. What a suspended
		 * machine slept through is not made up for. */
		next = CP_MAX(next + step, cp_now_ns(CLOCK_MONOTONIC));
		sleep_until(next);
		if (cp_job_at_home())
			cp_job_ask(0);
	}
	return NULL;
}

static int make_thread(size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (pthread_attr_init(&attr))
		return 12; /* ENOMEM */
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	r = pthread_create(&thread, &attr, control_main, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

void cp_interval_start(void)
{
	const uint64_t ours = ~(3ULL << 31);
	uint64_t mask;
	int r;

	if (!cp_config.interval_ns)
		return;
	CP_SYS(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &ours, &mask, sizeof(mask));
	r = make_thread(STACK_SIZE);
	if (r == 22 /* EINVAL: the host's thread-local variables need more */)
		r = make_thread(0);
	cp_sys_restore_signals(&mask);
	if (r)
		cp_log("no snapshots by CPROF_INTERVAL: can't make a thread: %s", cp_reason(r));
}
