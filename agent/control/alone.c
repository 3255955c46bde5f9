/* SPDX-License-Identifier: MIT */
/*
 * alone.c - a host of one thread, for a while without ours
 *
 * Context  HOST
 * Calls    job.c, http.c, bare.c; system calls.
 * Shared   st: of the host's only thread, and its handlers.
 * Holds    What is asked meanwhile is done after it. HTTP's connections are closed, and its
 *          address is there again a moment later.
 * Fails    One of ours is at something for seconds: it stays, and so it goes as it went before.
 * Why      The kernel lets only a process of one thread enter a user namespace, or another's time
 *          or mount namespace, and counts ours. Sandboxes begin with that.
 */
#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/sys.h"
#include "bare.h"
#include "http.h"
#include "job.h"

#include <sys/single_threaded.h>

#define SOME 100 /* tenths of a millisecond */
#define MANY 10000

static struct {
	bool begun, job, http;
} st;

/* All there are, ours included; 0: nobody tells. */
static unsigned threads(void)
{
	struct stat sb;

	if (CP_SYS(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &sb, 0) < 0)
		return 0;
	return (unsigned)sb.st_nlink - 2; /* the directory of one each */
}

static void rest(void)
{
	const struct timespec ts = {0, 100000};

	CP_SYS(SYS_nanosleep, &ts, 0);
}

/* One that has left its stack is counted until the kernel has taken it apart, for which it needs
 * a processor: waits till these are all there are. */
static bool have_become(bool (*these)(unsigned threads), int tries)
{
	for (int i = 0; i < tries; i++) {
		if (these(threads()))
			return true;
		rest();
	}
	return false;
}

static bool is_one(unsigned threads)
{
	return threads <= 1; /* or nobody tells */
}

static bool are_one_and_ours(unsigned threads)
{
	uint64_t who;

	return threads == 1 + cp_bare_running(&who);
}

static bool is_only_thread(void)
{
	return __libc_single_threaded || have_become(are_one_and_ours, SOME);
}

bool cp_agent_alone_begin(void)
{
	if (!cp_agent_hears_of_end() || !cp_job_at_home() || st.begun || !is_only_thread())
		return false;
	st.begun = true;
	st.http = cp_http_hold();
	st.job = cp_job_hold();
	if (cp_http_left() && cp_job_left() && have_become(is_one, MANY))
		return true;
	cp_agent_alone_end();
	return false;
}

void cp_agent_alone_end(void)
{
	cp_job_release(st.job);
	cp_http_release(st.http);
	st.begun = false;
}
