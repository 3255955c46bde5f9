/* SPDX-License-Identifier: MIT */
/*
 * arch_x86_64.h - raw system calls and thread pointer on x86-64
 *
 * Context  ANY: no memory is touched but what the caller hands in; errno, which
 *          belongs to the host, never.
 */
#ifndef CP_RT_ARCH_X86_64_H
#define CP_RT_ARCH_X86_64_H

#include "base.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/syscall.h>

/* Returns the kernel's answer: a value, or -errno. */
#ifdef __clang_analyzer__
/* It can't see that the kernel writes: an unknown function may. */
long cp_syscall6(long nr, long a, long b, long c, long d, long e, long f);
#else
CP_INLINE long cp_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#endif

/* The thread control block: on glibc it lies at the top of a thread's own stack. */
CP_INLINE uintptr_t cp_thread_pointer(void)
{
	uintptr_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

/* The register itself, wherever the host lets it lead. Where that is refused, what it leads to. */
CP_INLINE uintptr_t cp_thread_base(void)
{
	uintptr_t base = 0;
	long r = cp_syscall6(SYS_arch_prctl, ARCH_GET_FS, (long)&base, 0, 0, 0, 0);

	return r < 0 ? cp_thread_pointer() : base;
}

/* What floating-point arithmetic traps on, and what it has met, is the host's. */
CP_INLINE uint64_t cp_cpu_floats_begin(void)
{
	uint32_t host, plain = 0x1f80; /* nothing traps, nothing was met, to nearest */

	__asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(host) : "m"(plain) : "memory");
	return host;
}

CP_INLINE void cp_cpu_floats_end(uint64_t host)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(host) : "memory");
}

/* Is it valgrind that runs this? To a processor it is nothing: rdi turned round twice. */
CP_INLINE bool cp_cpu_is_valgrind(void)
{
	const uint64_t ask[6] = {0x1001}; /* RUNNING_ON_VALGRIND */
	uint64_t answer = 0;

	__asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\t"
			 "rolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
			 "xchgq %%rbx, %%rbx"
			 : "+d"(answer)
			 : "a"(ask)
			 : "cc", "memory");
	return answer != 0;
}

CP_INLINE void cp_cpu_pause(void)
{
	__builtin_ia32_pause();
}

/* A counter that runs evenly; how fast is for who reads it to find out. */
CP_INLINE uint64_t cp_cpu_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* Does it, while the processor sleeps too? */
CP_INLINE bool cp_cpu_ticks_on(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1U << 8;
}

/* *left -= n, in one instruction, which compilers make three of; true: that was all of it, or
 * more. */
CP_INLINE bool cp_cpu_spend(uint64_t *left, uint64_t n)
{
	bool all;

	__asm__("sub %2, %0" : "+m"(*left), "=@ccbe"(all) : "r"(n));
	return all;
}

/* Relocations that put a function's address into a word (elf.h): bound lazily, bound
 * at once, in data. */
#define CP_RELOC_JUMP	R_X86_64_JUMP_SLOT
#define CP_RELOC_GLOBAL R_X86_64_GLOB_DAT
#define CP_RELOC_WORD	R_X86_64_64
/* The version of what glibc has had since it came to this processor. */
#define CP_LIBC_FIRST "GLIBC_2.2.5"

#endif
