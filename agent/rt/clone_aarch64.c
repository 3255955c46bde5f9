/* SPDX-License-Identifier: MIT */
/*
 * clone_aarch64.c - a thread or process libc never learns of, on arm64
 *
 * Context  ANY
 * Calls    clone, straight to the kernel.
 * Holds    see clone.h
 */
#include "clone.h"

#include "sys.h"

void cp_clone_block(void *tp)
{
	/* The stack guard is a global on this processor, and compiled code reads
	 * thread-local variables straight from the thread pointer: zero will do. */
	(void)tp;
}

long cp_clone(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top, void *tp,
	      uint32_t *tid)
{
	register long x8 __asm__("x8") = SYS_clone;
	register unsigned long x0 __asm__("x0") = flags;
	register uintptr_t x1 __asm__("x1") = (uintptr_t)stack_top & ~15UL;
	register uint32_t *x2 __asm__("x2") = tid;
	register void *x3 __asm__("x3") = tp;
	register uint32_t *x4 __asm__("x4") = tid;
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

void *cp_clone_sigreturn(void)
{
	return NULL; /* the kernel's own, in the vDSO */
}
