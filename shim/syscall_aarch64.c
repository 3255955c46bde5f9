/* SPDX-License-Identifier: MIT */
/*
 * syscall_aarch64.c - libc's syscall, from which futexes and sandboxes are told
 *
 * Context  ANY: vfork children pass through, and may return twice.
 * Holds    All but these three cost three comparisons and a branch.
 * Why      All arguments are in registers, so that the calls are branches; for each
 *          register the same one is an argument of the function branched to.
 */
#include "table.h"

#include <sys/syscall.h>

long cp_shim_futex(long nr, long a, long b, long c, long d, long e, long f);
long cp_shim_seccomp(long nr, long a, long b, long c, long d, long e, long f);
long cp_shim_prctl(long nr, long a, long b, long c, long d, long e, long f);
long cp_shim_syscall(long nr, long a, long b, long c, long d, long e, long f) __asm__("syscall");

__attribute__((optimize("O2"))) CP_EXPORT long cp_shim_syscall(long nr, long a, long b, long c,
							       long d, long e, long f)
{
	if (nr == SYS_futex)
		return cp_shim_futex(nr, a, b, c, d, e, f);
	if (nr == SYS_seccomp)
		return cp_shim_seccomp(nr, a, b, c, d, e, f);
	if (nr == SYS_prctl)
		return cp_shim_prctl(nr, a, b, c, d, e, f);
	return cp_real.syscall(nr, a, b, c, d, e, f);
}
