/* SPDX-License-Identifier: MIT */
/*
 * process.c - the ways a process is copied, and ends, that bypass our hooks
 *
 * Context  HOST; vfork children, which only pass through.
 * Holds    The agent hears of an end once, and never from a vfork child.
 * Why      fork and all that is made of it (daemon, forkpty) run the handlers
 *          of pthread_atfork, and exit runs destructors: life.c has those.
 *          _Fork, _exit and quick_exit run neither.
 */
#include "../agent/probe.h"
#include "life.h"
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

CP_EXPORT pid_t _Fork(void)
{
	pid_t pid;
	int host_errno;

	cp_agent_fork_begins();
	pid = cp_real._Fork();
	host_errno = errno;
	if (!pid)
		cp_shim_forked();
	cp_agent_fork_ends();
	errno = host_errno;
	return pid;
}

CP_EXPORT void _exit(int status)
{
	cp_shim_ending();
	cp_real._exit(status);
	__builtin_unreachable();
}

CP_EXPORT void _Exit(int status)
{
	cp_shim_ending();
	cp_real._Exit(status);
	__builtin_unreachable();
}

CP_EXPORT void quick_exit(int status)
{
	cp_shim_ending();
	cp_real.quick_exit(status);
	__builtin_unreachable();
}
