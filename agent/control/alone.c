/* SPDX-License-Identifier: MIT */
/*
 * alone.c - a host of one thread, for a while without the job's
 *
 * Context  HOST
 * Calls    job.c, bare.c; system calls.
 * Shared   mask: of the host's only thread.
 * Holds    Signals are blocked meanwhile, so that nothing is asked, and nothing ends or forks
 *          halfway. Where it can't be told that the job's thread is all there is beside the
 *          host's, it stays.
 * Fails    The job is busy for more than a second: it stays, and the host is refused.
 * Why      The kernel lets only a process of one thread enter a user namespace, or another's time
 *          or mount namespace, and counts ours. Sandboxes begin with that. HTTP's thread does not
 *          leave: nobody can wake it, and its address may not be had again.
 */
#include "../probe.h"
#include "../rt/sys.h"
#include "bare.h"
#include "http.h"
#include "job.h"

#define REST_NS 100000
#define SOME	20 /* rests */
#define MANY	1000

static uint64_t mask; /* while it is alone: what the host had */

/* All there are, ours included; 0: nobody tells. */
static unsigned threads(void)
{
	struct stat sb;

	if (CP_SYS(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &sb, 0) < 0 || sb.st_nlink < 3)
		return 0;
	return (unsigned)sb.st_nlink - 2; /* the directory of one each */
}

/* One that has left its stack is counted until the kernel has taken it apart, for which it needs
 * a processor. */
static bool has_only_thread(void)
{
	for (int i = 0; i < MANY; i++) {
		if (threads() == 1)
			return true;
		cp_sys_nap(REST_NS);
	}
	return false;
}

/* Or was, and is gone by now. A second thread that isn't the job's may be one that is just being
 * taken apart. */
static bool is_only_jobs_in_the_way(void)
{
	uint64_t who;

	for (int i = 0; i < SOME && !cp_http_is_on(); i++) {
		unsigned all = threads(), ours = cp_bare_running(&who);

		if (all != 2)
			return all == 1;
		if (ours == 1)
			return true;
		cp_sys_nap(REST_NS);
	}
	return false;
}

bool cp_agent_alone_begin(void)
{
	if (!cp_agent_hears_of_end() || !cp_job_at_home() || !is_only_jobs_in_the_way())
		return false;
	cp_sys_block_signals(&mask);
	if (!cp_job_hold()) {
		cp_sys_restore_signals(&mask);
		return false;
	}
	if (has_only_thread())
		return true;
	cp_agent_alone_end();
	return false;
}

void cp_agent_alone_end(void)
{
	cp_job_release();
	cp_sys_restore_signals(&mask);
}
