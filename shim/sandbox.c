/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - a host that shuts itself in
 *
 * Context  HOST; vfork children, which only pass through.
 * Calls    cp_real, probe.h. Never: touch errno.
 * Why      In a sandbox a system call may kill, the one that ends a signal handler too, so
 *          the agent must be told before: of a filter, and of new privileges given up,
 *          which an unprivileged program does first.
 */
#include "../agent/probe.h"
#include "table.h"

#include <stdarg.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

long cp_shim_seccomp(long nr, long op, long flags, long args, long d, long e, long f);

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
		cp_agent_shut_in(option == PR_SET_SECCOMP);
	return cp_real.prctl(option, arg[0], arg[1], arg[2], arg[3]);
}

/* By a jump from `syscall`, as libseccomp and many others ask for it. */
long cp_shim_seccomp(long nr, long op, long flags, long args, long d, long e, long f)
{
	if (op == SECCOMP_SET_MODE_STRICT || op == SECCOMP_SET_MODE_FILTER)
		cp_agent_shut_in(true);
	return cp_real.syscall(nr, op, flags, args, d, e, f);
}
