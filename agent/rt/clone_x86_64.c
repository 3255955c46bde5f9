/* SPDX-License-Identifier: MIT */
/*
 * clone_x86_64.c - a thread or process libc never learns of, on x86-64
 *
 * Context  ANY
 * Calls    clone, straight to the kernel.
 * Holds    see clone.h
 */
#include "clone.h"

#include "sys.h"

/* Offsets in glibc's thread control block that compiled code knows of: they are
 * part of the ABI (fs:0 is what &thread_local starts from). */
enum { TCB_SELF = 0, TCB_THREAD = 16, TCB_STACK_GUARD = 0x28, TCB_POINTER_GUARD = 0x30 };

static void put_word(char *block, int offset, uintptr_t v)
{
	*(uintptr_t *)(void *)(block + offset) = v;
}

void cp_clone_block(void *tp)
{
	uintptr_t guard, pointer_guard;

	__asm__ volatile("mov %%fs:0x28, %0" : "=r"(guard));
	__asm__ volatile("mov %%fs:0x30, %0" : "=r"(pointer_guard));
	put_word(tp, TCB_SELF, (uintptr_t)tp);
	put_word(tp, TCB_THREAD, (uintptr_t)tp);
	put_word(tp, TCB_STACK_GUARD, guard);
	put_word(tp, TCB_POINTER_GUARD, pointer_guard);
}

long cp_clone(unsigned long flags, int (*fn)(void *), void *arg, void *stack_top, void *tp,
	      uint32_t *tid)
{
	uintptr_t *sp = (uintptr_t *)((uintptr_t)stack_top & ~15UL);
	register uint32_t *child_tid __asm__("r10") = tid;
	register void *tls __asm__("r8") = tp;
	long ret;

	*--sp = (uintptr_t)arg;
	*--sp = (uintptr_t)fn;
	/* The child comes back on the new stack, where nothing of this frame is:
	 * it takes fn and arg from there and never leaves the assembler. */
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
			 : "0"((long)SYS_clone), "D"(flags), "S"(sp), "d"(tid), "r"(child_tid),
			   "r"(tls), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The kernel needs a restorer on this processor. Its call-frame rules tell
 * unwinders where the interrupted registers lie (offsets into the ucontext that
 * rsp points to), one byte early, because they look up return addresses minus one. */
__asm__(".text\n"
	".hidden cp_sigreturn_x86_64\n"
	".type cp_sigreturn_x86_64, @function\n"
	"	.p2align 4\n"
	"	.cfi_startproc simple\n"
	"	.cfi_signal_frame\n"
	"	.cfi_escape 0x0f,4,0x77,0xa0,0x01,0x06\n" /* cfa: saved rsp */
	"	.cfi_escape 0x10,3,3,0x77,0x80,0x01\n"	  /* rbx */
	"	.cfi_escape 0x10,6,3,0x77,0xf8,0x00\n"	  /* rbp */
	"	.cfi_escape 0x10,12,3,0x77,0xc8,0x00\n"	  /* r12 */
	"	.cfi_escape 0x10,13,3,0x77,0xd0,0x00\n"	  /* r13 */
	"	.cfi_escape 0x10,14,3,0x77,0xd8,0x00\n"	  /* r14 */
	"	.cfi_escape 0x10,15,3,0x77,0xe0,0x00\n"	  /* r15 */
	"	.cfi_escape 0x10,16,3,0x77,0xa8,0x01\n"	  /* rip */
	"	nop\n"
	"cp_sigreturn_x86_64:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	"	.cfi_endproc\n"
	".size cp_sigreturn_x86_64, .-cp_sigreturn_x86_64\n");

void cp_sigreturn_x86_64(void);

void *cp_clone_sigreturn(void)
{
	return (void *)cp_sigreturn_x86_64;
}
