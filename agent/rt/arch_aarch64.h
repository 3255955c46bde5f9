/* SPDX-License-Identifier: MIT */
/*
 * arch_aarch64.h - raw system calls and thread pointer on arm64
 *
 * Context  ANY: no memory is touched but what the caller hands in; errno, which
 *          belongs to the host, never.
 */
#ifndef CP_RT_ARCH_AARCH64_H
#define CP_RT_ARCH_AARCH64_H

#include "base.h"

/* Returns the kernel's answer: a value, or -errno. */
#ifdef __clang_analyzer__
/* It can't see that the kernel writes: an unknown function may. */
long cp_syscall6(long nr, long a, long b, long c, long d, long e, long f);
#else
CP_INLINE long cp_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#endif

CP_INLINE uintptr_t cp_thread_pointer(void)
{
	uintptr_t tp;

	__asm__("mrs %0, tpidr_el0" : "=r"(tp));
	return tp;
}

/* The same, wherever the host lets it lead. */
CP_INLINE uintptr_t cp_thread_base(void)
{
	return cp_thread_pointer();
}

/* What floating-point arithmetic traps on, and what it has met, is the host's. */
CP_INLINE uint64_t cp_cpu_floats_begin(void)
{
	uint64_t control, status;

	__asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr\n\tmsr fpcr, xzr\n\tmsr fpsr, xzr"
			 : "=&r"(control), "=&r"(status)
			 :
			 : "memory");
	return control << 32 | (uint32_t)status;
}

CP_INLINE void cp_cpu_floats_end(uint64_t host)
{
	__asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1"
			 :
			 : "r"(host >> 32), "r"(host & UINT32_MAX)
			 : "memory");
}

/* Is it valgrind that runs this? To a processor it is nothing: x12 turned round twice. */
CP_INLINE bool cp_cpu_is_valgrind(void)
{
	const uint64_t ask[6] = {0x1001}; /* RUNNING_ON_VALGRIND */
	register uint64_t answer __asm__("x3") = 0;
	register const uint64_t *at __asm__("x4") = ask;

	__asm__ volatile("ror x12, x12, #3\n\tror x12, x12, #13\n\t"
			 "ror x12, x12, #51\n\tror x12, x12, #61\n\t"
			 "orr x10, x10, x10"
			 : "+r"(answer)
			 : "r"(at)
			 : "cc", "memory");
	return answer != 0;
}

CP_INLINE void cp_cpu_pause(void)
{
	__asm__ volatile("yield");
}

/* A counter that runs evenly; how fast is for who reads it to find out. */
CP_INLINE uint64_t cp_cpu_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

/* Does it, while the processor sleeps too? */
CP_INLINE bool cp_cpu_ticks_on(void)
{
	return true;
}

/* *left -= n; true: that was all of it, or more. */
CP_INLINE bool cp_cpu_spend(uint64_t *left, uint64_t n)
{
	bool all = n >= *left;

	*left -= n;
	return all;
}

/* Relocations that put a function's address into a word (elf.h): bound lazily, bound
 * at once, in data. */
#define CP_RELOC_JUMP	R_AARCH64_JUMP_SLOT
#define CP_RELOC_GLOBAL R_AARCH64_GLOB_DAT
#define CP_RELOC_WORD	R_AARCH64_ABS64
/* The version of what glibc has had since it came to this processor. */
#define CP_LIBC_FIRST "GLIBC_2.17"

#endif
