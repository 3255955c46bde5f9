/* SPDX-License-Identifier: MIT */
/*
 * rights.c - an ordinary thread of ours has the capabilities its process has
 *
 * Context  HOST: cp_rights_shut_in      SIGNAL: on_change
 *          CONTROL: the rest
 * Calls    sigact.c, system calls.
 * Shared   st.tid, st.pid, st.shut_in (relaxed), st.libc: set before the handler that reads it
 *          (sigaction is a full barrier between setting and delivery).
 * Holds    libc's handler is called for every signal 33, ours or not, with what came.
 *          What our thread may do, the process's first thread may do, but for a second
 *          after that gave it up: what is kept meanwhile is permitted, not effective.
 * Fails    A first thread that can't be asked: ours stays as it is.
 * Why      Until the host is about to change user, nothing need be the same. Then libc
 *          signals ours, and the host's thread, which called, goes last: its
 *          capabilities are still those that its own call will be judged by. Whether it
 *          keeps them can't be asked of another thread, so ours keeps them always, and
 *          gives up at its next look what the host has not kept.
 */
#include "rights.h"

#include "../rt/atomic.h"
#include "../rt/sigact.h"
#include "../rt/sys.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#define CHANGE_USER 33 /* libc's own: SIGSETXID */
#define THREADS	    4

static struct {
	uint32_t tid[THREADS], pid; /* of which process they are */
	uint32_t shut_in;
	cp_signal_fn *libc;
} st;

/* In a forked child none is, whatever has the number there by now. */
static bool is_ours(uint32_t tid)
{
	bool found = false;

	for (unsigned i = 0; i < THREADS; i++)
		found |= cp_load_rlx(&st.tid[i]) == tid;
	return found && cp_load_rlx(&st.pid) == (uint32_t)cp_sys_getpid();
}

void cp_rights_follow(void)
{
	struct __user_cap_header_struct who = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct host[2], own[2];

	if (cp_load_rlx(&st.shut_in) || CP_SYS(SYS_capget, &who, own) < 0)
		return;
	who.pid = (int)cp_sys_getpid();
	if (CP_SYS(SYS_capget, &who, host) < 0 || !memcmp(host, own, sizeof(host)))
		return;
	who.pid = 0;
	CP_SYS(SYS_capset, &who, host);
}

static void on_change(int sig, siginfo_t *info, void *context)
{
	if (is_ours((uint32_t)cp_sys_gettid()) && !cp_load_rlx(&st.shut_in)) {
		CP_SYS(SYS_prctl, PR_SET_KEEPCAPS, 1);
		cp_rights_follow();
	}
	st.libc(sig, info, context);
}

void cp_rights_share(void)
{
	long libc = cp_sigact_get(CHANGE_USER);

	if (libc <= 1 /* SIG_DFL, SIG_IGN, or an error */ || libc == (long)on_change)
		return;
	st.libc = (cp_signal_fn *)libc;
	cp_sigact_put_before(CHANGE_USER, on_change);
}

void cp_rights_join(unsigned slot)
{
	cp_store_rlx(&st.pid, (uint32_t)cp_sys_getpid());
	cp_store_rlx(&st.tid[slot % THREADS], (uint32_t)cp_sys_gettid());
}

void cp_rights_leave(unsigned slot)
{
	cp_store_rlx(&st.tid[slot % THREADS], 0);
}

void cp_rights_shut_in(void)
{
	cp_store_rlx(&st.shut_in, 1);
}
