/* SPDX-License-Identifier: MIT */
/*
 * namespace.c - a host that goes into namespaces only a process of one thread may enter
 *
 * Context  HOST; vfork children, which only pass through.
 * Calls    cp_real, probe.h.
 * Holds    What the kernel refuses changes nothing, and so it is asked again without our thread.
 *          errno is as the last answer alone would leave it.
 * Why      Who asks the kernel itself, past libc, meets its refusal as before.
 */
#include "../agent/probe.h"
#include "table.h"

#include <errno.h>
#include <sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* What a process of several threads may not; and what makes that it may have no other thread
 * afterwards, ours neither. */
#define UNSHARES (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
#define ENTERS	 (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWTIME)
#define PARTS	 (CLONE_NEWPID | CLONE_VM)

static bool may_be_ours(int flags, int what)
{
	return flags & what && !(flags & PARTS);
}

/* EUSERS: of a time namespace. */
static bool is_refused(int r)
{
	return CP_UNLIKELY(r) && (errno == EINVAL || errno == EUSERS);
}

/* Of the second answer; before: errno as it was, which what is granted leaves alone. */
static int give_back(int r, int before)
{
	int host_errno = r ? errno : before;

	cp_agent_alone_end();
	errno = host_errno;
	return r;
}

/* The first refusal's, where it stays at that. */
static bool is_alone(void)
{
	int host_errno = errno;
	bool alone = cp_agent_alone_begin();

	errno = host_errno;
	return alone;
}

CP_EXPORT int unshare(int flags)
{
	int before = errno, r = cp_real.unshare(flags);

	if (!is_refused(r) || !may_be_ours(flags, UNSHARES) || !is_alone())
		return r;
	return give_back(cp_real.unshare(flags), before);
}

CP_EXPORT int setns(int fd, int type)
{
	int before = errno, r = cp_real.setns(fd, type);

	/* None: the descriptor says it. */
	if (!is_refused(r) || !may_be_ours(type ? type : ENTERS, ENTERS) || !is_alone())
		return r;
	return give_back(cp_real.setns(fd, type), before);
}
