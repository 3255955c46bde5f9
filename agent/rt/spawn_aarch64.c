/* SPDX-License-Identifier: MIT */
/*
 * spawn_aarch64.c - a process that shares our memory, on arm64
 *
 * Context  CONTROL
 * Calls    clone, straight to the kernel.
 * Holds    see spawn.h
 */
#include "spawn.h"

#include "sys.h"

long cp_spawn(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top)
{
	register long x8 __asm__("x8") = SYS_clone;
	register unsigned long x0 __asm__("x0") = flags;
	register uintptr_t x1 __asm__("x1") = (uintptr_t)stack_top & ~15UL;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register int (*x5)(void *) __asm__("x5") = fn;
	register void *x6 __asm__("x6") = arg;

	/* The child keeps the registers: x5 and x6 carry fn and arg across. */
	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x30, xzr\n\t"
			 "mov x0, x6\n\t"
			 "blr x5\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc 0\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5),
			   "r"(x6), [exit] "i"(SYS_exit)
			 : "memory");
	return (long)x0;
}
