/* SPDX-License-Identifier: MIT */
/*
 * spawn_x86_64.c - a process that shares our memory, on x86-64
 *
 * Context  CONTROL
 * Calls    clone, straight to the kernel.
 * Holds    see spawn.h
 */
#include "spawn.h"

#include "sys.h"

long cp_spawn(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top)
{
	uintptr_t *sp = (uintptr_t *)((uintptr_t)stack_top & ~15UL);
	register long no_tid __asm__("r10") = 0;
	register long no_tls __asm__("r8") = 0;
	long ret;

	*--sp = (uintptr_t)arg;
	*--sp = (uintptr_t)fn;
	/* The child never leaves the assembler: nothing of this frame is on its stack. */
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "0"((long)SYS_clone), "D"(flags), "S"(sp), "d"(0L), "r"(no_tid),
			   "r"(no_tls), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return ret;
}
