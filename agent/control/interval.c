/* SPDX-License-Identifier: MIT */
/*
 * interval.c - the control thread, there only when CPROF_INTERVAL asks for it
 *
 * Context  HOST: cp_interval_start      its own thread: the rest
 * Calls    thread.c, job.c, system calls.
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
#include "thread.h"

#include <sys/prctl.h>

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

void cp_interval_start(void)
{
	int r = cp_config.interval_ns ? cp_thread_make(control_main) : 0;

	if (r)
		cp_log("no snapshots by CPROF_INTERVAL: can't make a thread: %s", cp_reason(r));
}
