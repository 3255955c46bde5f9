/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - a host that shuts itself in
 *
 * Context  HOST; vfork children, which only pass through, but for one that forbids itself the
 *          counter: it stops its parent's measuring.
 * Calls    cp_real, probe.h. Never: touch errno.
 * Holds    Who forbids himself the processor's counter, by prctl, shuts himself in as well: the
 *          clocks read it.
 * Why      Behind a filter a system call may kill, the one that ends a signal handler too,
 *          so the agent must be told before. That new privileges were given up says little:
 *          servers do it, HAProxy for one, and no filter need follow; who asks for one by
 *          libc, as libseccomp does, comes by here.
 */
#include "../agent/probe.h"
#include "table.h"

#include <stdarg.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

long cp_shim_seccomp(long nr, long op, long flags, long args, long d, long e, long f);
long cp_shim_prctl(long nr, long option, long mode, long filter, long d, long e, long f);

/* In strict mode the kernel forbids the processor's counter as well. */
static void look_at_seccomp(bool strict, bool filter)
{
	if (strict || filter)
		cp_agent_shut_in(strict);
}

/* A filter at no address is none: that is how one asks whether there are filters at all. */
static void look_at_prctl(int option, unsigned long arg, unsigned long filter)
{
	if (option == PR_SET_SECCOMP)
		look_at_seccomp(arg == SECCOMP_MODE_STRICT, arg == SECCOMP_MODE_FILTER && filter);
	else if (option == PR_SET_TSC && arg == PR_TSC_SIGSEGV)
		cp_agent_shut_in(true);
	/* Calls not from where the host says, ours and the return of a handler among them, are
	 * its to serve, or to die of. */
	else if (option == PR_SET_SYSCALL_USER_DISPATCH && arg != PR_SYS_DISPATCH_OFF)
		cp_agent_shut_in(false);
}

CP_EXPORT int prctl(int option, ...)
{
	unsigned long arg[4];
	va_list ap;

	/* As libc does, whatever was given. */
	va_start(ap, option);
	for (unsigned i = 0; i < CP_ARRAY_LEN(arg); i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	look_at_prctl(option, arg[0], arg[1]);
	return cp_real.prctl(option, arg[0], arg[1], arg[2], arg[3]);
}

/* By a jump from `syscall`, as libseccomp and many others ask for it. */
long cp_shim_seccomp(long nr, long op, long flags, long args, long d, long e, long f)
{
	look_at_seccomp(op == SECCOMP_SET_MODE_STRICT, op == SECCOMP_SET_MODE_FILTER && args);
	return cp_real.syscall(nr, op, flags, args, d, e, f);
}

long cp_shim_prctl(long nr, long option, long mode, long filter, long d, long e, long f)
{
	look_at_prctl((int)option, (unsigned long)mode, (unsigned long)filter);
	return cp_real.syscall(nr, option, mode, filter, d, e, f);
}
