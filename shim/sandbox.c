/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - a host that shuts itself in
 *
 * Context  HOST; vfork children, which only pass through.
 * Calls    cp_real.prctl. Never: touch errno.
 * Why      In a sandbox a system call may kill, so the agent must be told before. An
 *          unprivileged program has to give up new privileges first, by prctl, whatever it
 *          calls then; a privileged one that calls seccomp(2) by number is not seen.
 */
#include "../agent/probe.h"
#include "table.h"

#include <stdarg.h>
#include <sys/prctl.h>

CP_EXPORT int prctl(int option, ...)
{
	unsigned long arg[4];
	va_list ap;

	/* As libc does, whatever was given. */
	va_start(ap, option);
	for (unsigned i = 0; i < CP_ARRAY_LEN(arg); i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS)
		cp_agent_shut_in();
	return cp_real.prctl(option, arg[0], arg[1], arg[2], arg[3]);
}
