/* SPDX-License-Identifier: MIT */
/*
 * syscall_x86_64.c - libc's syscall, from which futexes and sandboxes are told
 *
 * Context  ANY: vfork children pass through, and may return twice.
 * Holds    All but these three cost three comparisons and a jump; every register and the
 *          stack are as the caller left them.
 * Why      Assembler: no compiler promises to leave no frame behind.
 */
#include "table.h"

#include <sys/syscall.h>
#include <unistd.h>

/* By another name and without the dots, for which a compiler may save registers after all. */
CP_EXPORT __attribute__((naked)) long cp_shim_syscall(long nr) __asm__("syscall");

__attribute__((naked)) long cp_shim_syscall(__attribute__((unused)) long nr)
{
	__asm__("cmp %0, %%rdi\n\t"
		"je 1f\n\t"
		"cmp %2, %%rdi\n\t"
		"je 2f\n\t"
		"cmp %3, %%rdi\n\t"
		"je 3f\n\t"
		"jmp *cp_real+%c1(%%rip)\n"
		"1:\tjmp cp_shim_futex\n"
		"2:\tjmp cp_shim_seccomp\n"
		"3:\tjmp cp_shim_prctl"
		:
		: "i"(SYS_futex), "i"(offsetof(union cp_real, syscall)), "i"(SYS_seccomp),
		  "i"(SYS_prctl));
}
