/* SPDX-License-Identifier: MIT */
/*
 * cpu_aarch64.h - what the walker must know of arm64: DWARF columns, contexts,
 * the bytes of calls and of the signal trampoline
 *
 * Context  HOST, SIGNAL: pure, but for reads the caller has made sure of.
 * Why      Everything the walker knows of the processor stands here; the
 *          x86-64 file has the same names. Here the return address lives in the
 *          link register until it is saved, may be signed, and calls are four
 *          bytes long.
 */
#ifndef CP_SAMPLE_CPU_AARCH64_H
#define CP_SAMPLE_CPU_AARCH64_H

#include "../rt/base.h"
#include "peek.h"

#include <string.h>
#include <ucontext.h>

/* DWARF columns: the return address is that of the link register. pc has none, and
 * takes the place after sp in our own record of registers. */
enum { CP_CPU_FP = 29, CP_CPU_RA = 30, CP_CPU_SP = 31, CP_CPU_REGS = 32 };

#define CP_CPU_RED_ZONE	 0
#define CP_CPU_RA_OFFSET (-8) /* not used: rules say where it is */
#define CP_CPU_HAS_LINK	 true

/* rt_sigframe: 128 bytes of siginfo, then the ucontext; its registers at 176. */
#define CP_CPU_SIGFRAME_REGS  (128 + 176 + 8)
#define CP_CPU_SIGFRAME_FP    (CP_CPU_SIGFRAME_REGS + 8 * 29)
#define CP_CPU_SIGFRAME_LINK  (CP_CPU_SIGFRAME_REGS + 8 * 30)
#define CP_CPU_SIGFRAME_SP    (CP_CPU_SIGFRAME_REGS + 8 * 31)
#define CP_CPU_SIGFRAME_PC    (CP_CPU_SIGFRAME_REGS + 8 * 32)
#define CP_CPU_SIGFRAME_WORDS 33

/* Every register a rule may name. While `exact`, r[CP_CPU_RA] is the link register
 * and pc is where the thread is. */
struct cp_full {
	uintptr_t r[CP_CPU_REGS];
	uintptr_t pc;
	uint32_t known;
};

/* A signed return address becomes a plain one: xpaclri, a hint that older
 * processors pass over. */
CP_INLINE uintptr_t cp_cpu_strip(uintptr_t pc)
{
	register uintptr_t lr __asm__("x30") = pc;

	__asm__("hint #7" : "+r"(lr));
	return lr;
}

CP_INLINE uintptr_t cp_cpu_uc_pc(const ucontext_t *uc)
{
	return uc->uc_mcontext.pc;
}

CP_INLINE uintptr_t cp_cpu_uc_sp(const ucontext_t *uc)
{
	return uc->uc_mcontext.sp;
}

CP_INLINE uintptr_t cp_cpu_uc_fp(const ucontext_t *uc)
{
	return uc->uc_mcontext.regs[29];
}

CP_INLINE uintptr_t cp_cpu_uc_link(const ucontext_t *uc)
{
	return uc->uc_mcontext.regs[30];
}

CP_INLINE uintptr_t cp_cpu_full_pc(const struct cp_full *f)
{
	return f->pc;
}

/* After a step: the return address found is where the caller goes on. */
CP_INLINE void cp_cpu_full_returned(struct cp_full *f)
{
	f->r[CP_CPU_RA] = cp_cpu_strip(f->r[CP_CPU_RA]);
	f->pc = f->r[CP_CPU_RA];
}

/* From the registers as a signal frame has them. */
CP_INLINE void cp_cpu_full_from(struct cp_full *f, const uintptr_t *regs)
{
	for (unsigned i = 0; i < 31; i++)
		f->r[i] = regs[i];
	f->r[CP_CPU_SP] = regs[31];
	f->pc = regs[32];
	f->known = ~0U;
}

CP_INLINE const uintptr_t *cp_cpu_uc_regs(const ucontext_t *uc)
{
	return (const void *)uc->uc_mcontext.regs;
}

/* The registers right here: those a callee must preserve, which are the only
 * ones a caller's rule can speak of. */
CP_INLINE void cp_cpu_full_here(struct cp_full *f)
{
	f->known = 0x7ffU << 19 | 3U << CP_CPU_RA;
	__asm__ volatile("stp x19, x20, [%2, #19*8]\n\t"
			 "stp x21, x22, [%2, #21*8]\n\t"
			 "stp x23, x24, [%2, #23*8]\n\t"
			 "stp x25, x26, [%2, #25*8]\n\t"
			 "stp x27, x28, [%2, #27*8]\n\t"
			 "stp x29, x30, [%2, #29*8]\n\t"
			 "mov x9, sp\n\t"
			 "adr x10, .\n\t"
			 "stp x9, x10, [%2, #31*8]"
			 : "=m"(f->r), "=m"(f->pc)
			 : "r"(f->r)
			 : "x9", "x10", "memory");
}

/* Careful: the code may be unmapped this very moment (peek.h). */
CP_INLINE bool cp_cpu_code(uint32_t *to, uintptr_t from, unsigned words, bool careful)
{
	return from % 4 == 0 && cp_peek_object(to, from, 4UL * words, careful);
}

/* mov x8, #139; svc #0: what a handler returns to. */
CP_INLINE bool cp_cpu_is_sigreturn(uintptr_t pc, bool careful)
{
	uint32_t code[2];

	return cp_cpu_code(code, pc, 2, careful) && code[0] == 0xd2801168 && code[1] == 0xd4000001;
}

/* Does a call instruction end at pc? bl, blr, and blr with authentication. */
CP_INLINE bool cp_cpu_after_call(uintptr_t pc, bool careful)
{
	uint32_t code;

	if (!cp_cpu_code(&code, pc - 4, 1, careful))
		return false;
	return code >> 26 == 0x25 || (code & 0xfffffc1f) == 0xd63f0000 ||
	       (code & 0xfefff800) == 0xd63f0800;
}

/* Is that where a system call returns to? */
CP_INLINE bool cp_cpu_after_syscall(uintptr_t pc)
{
	uint32_t code;

	return cp_cpu_code(&code, pc - 4, 1, true) && code == 0xd4000001;
}

#endif
