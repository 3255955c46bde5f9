/* SPDX-License-Identifier: MIT */
/*
 * interval.c - the control thread, there only when CPROF_INTERVAL asks for it
 *
 * Context  HOST: cp_interval_start      its own thread: the rest
 * Calls    thread.c, rights.c, job.c, settle.c, system calls.
 * Holds    It is not what keeps a process alive (thread.h).
 * Fails    No thread: one line, no snapshots by time.
 * Why      An ordinary thread, since it lives long: libc's setuid() and exit must
 *          know of it. In a forked child, where making one could meet an allocator
 *          whose locks are still held, the job keeps the interval (job.c).
 *          With descriptors of its own: the kernel counts each use of a table that
 *          threads share, which made a server of one thread slower by 2 %.
 */
#include "interval.h"

#include "../rt/log.h"
#include "../rt/sys.h"
#include "bare.h"
#include "config.h"
#include "job.h"
#include "reason.h"
#include "rights.h"
#include "settle.h"
#include "thread.h"

#include <sys/prctl.h>

#define LOOK_NS 1000000000LL /* how soon the host's end is seen */

/* False: the host has gone, and so must we. */
static bool sleep_until(int64_t when)
{
	for (int64_t now; (now = cp_now_ns(CLOCK_MONOTONIC)) < when;) {
		int64_t next = CP_MIN(when, now + LOOK_NS);
		struct timespec ts = {next / 1000000000, next % 1000000000};

		CP_SYS(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, 0);
		if (cp_thread_alone())
			return false;
		cp_rights_follow();
		cp_log_follow();
	}
	return true;
}

static void control_main(void)
{
	int64_t step = (int64_t)cp_config.interval_ns;
	int64_t next = cp_now_ns(CLOCK_MONOTONIC);

	cp_bare_part_files();
	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof");
	for (;;) {
		/* By the clock, not by what is left: no drift. What a suspended
		 * machine slept through is not made up for. */
		next = CP_MAX(next + step, cp_now_ns(CLOCK_MONOTONIC));
		if (!sleep_until(next))
			return;
		if (cp_job_at_home())
			cp_job_ask(0);
		cp_settle_own();
	}
}

void cp_interval_start(void)
{
	int r = cp_config.interval_ns ? cp_thread_make(control_main) : 0;

	if (r)
		cp_log("no snapshots by CPROF_INTERVAL: can't make a thread: %s", cp_reason(r));
}
