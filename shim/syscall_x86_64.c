/* SPDX-License-Identifier: MIT */
/*
 * syscall_x86_64.c - libc's syscall, from which futexes are told
 *
 * Context  ANY: vfork children pass through, and may return twice.
 * Holds    All but SYS_futex costs a comparison and a jump; every register and the
 *          stack are as the caller left them.
 * Why      Assembler: no compiler promises to leave no frame behind.
 */
#include "table.h"

#include <sys/syscall.h>
#include <unistd.h>

__attribute__((naked)) CP_EXPORT long syscall(__attribute__((unused)) long nr, ...)
{
	__asm__("cmp %0, %%rdi\n\t"
		"je 1f\n\t"
		"jmp *cp_real+%c1(%%rip)\n"
		"1:\tjmp cp_shim_futex"
		:
		: "i"(SYS_futex), "i"(offsetof(union cp_real, syscall)));
}
