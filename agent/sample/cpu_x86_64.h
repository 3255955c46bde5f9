/* SPDX-License-Identifier: MIT */
/*
 * cpu_x86_64.h - what the walker must know of x86-64: DWARF columns, contexts,
 * the bytes of calls and of the signal trampoline
 *
 * Context  HOST, SIGNAL: pure, but for reads the caller has made sure of.
 * Why      Everything the walker knows of the processor stands here; the
 *          arm64 file has the same names.
 */
#ifndef CP_SAMPLE_CPU_X86_64_H
#define CP_SAMPLE_CPU_X86_64_H

#include "../rt/base.h"
#include "peek.h"

#include <string.h>
#include <ucontext.h>

/* DWARF columns; the return address is the last one. */
enum { CP_CPU_FP = 6, CP_CPU_SP = 7, CP_CPU_RA = 16, CP_CPU_REGS = 17 };

#define CP_CPU_RED_ZONE 128
/* The return address lies just below the frame address; rules that say
 * otherwise go the full way. */
#define CP_CPU_RA_OFFSET (-8)
#define CP_CPU_HAS_LINK	 false

/* Where a signal frame keeps the interrupted registers, from the stack pointer
 * the trampoline runs with: the ucontext begins there, its registers at 40. */
#define CP_CPU_SIGFRAME_REGS  40
#define CP_CPU_SIGFRAME_FP    (CP_CPU_SIGFRAME_REGS + 8 * REG_RBP)
#define CP_CPU_SIGFRAME_SP    (CP_CPU_SIGFRAME_REGS + 8 * REG_RSP)
#define CP_CPU_SIGFRAME_PC    (CP_CPU_SIGFRAME_REGS + 8 * REG_RIP)
#define CP_CPU_SIGFRAME_LINK  0 /* there is none */
#define CP_CPU_SIGFRAME_WORDS (REG_RIP + 1)

/* Every register a rule may name. A register nobody knows is not in `known`. */
struct cp_full {
	uintptr_t r[CP_CPU_REGS];
	uint32_t known;
};

#define CP_CPU_ALL_KNOWN ((1U << CP_CPU_REGS) - 1)

/* Kernel register numbers in the order of the DWARF columns. */
#define CP_CPU_GREGS                                                                            \
	{                                                                                       \
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8, \
			REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP   \
	}

CP_INLINE uintptr_t cp_cpu_strip(uintptr_t pc)
{
	return pc;
}

CP_INLINE uintptr_t cp_cpu_uc_pc(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

CP_INLINE uintptr_t cp_cpu_uc_sp(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
}

CP_INLINE uintptr_t cp_cpu_uc_fp(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RBP];
}

CP_INLINE uintptr_t cp_cpu_uc_link(const ucontext_t *uc)
{
	(void)uc;
	return 0;
}

CP_INLINE uintptr_t cp_cpu_full_pc(const struct cp_full *f)
{
	return f->r[CP_CPU_RA];
}

/* After a step: the return address found is where the caller goes on. */
CP_INLINE void cp_cpu_full_returned(struct cp_full *f)
{
	(void)f; /* one column stands for both */
}

/* From the registers as a signal frame has them. */
CP_INLINE void cp_cpu_full_from(struct cp_full *f, const uintptr_t *regs)
{
	static const uint8_t greg[CP_CPU_REGS] = CP_CPU_GREGS;

	for (unsigned i = 0; i < CP_CPU_REGS; i++)
		f->r[i] = regs[greg[i]];
	f->known = CP_CPU_ALL_KNOWN;
}

CP_INLINE const uintptr_t *cp_cpu_uc_regs(const ucontext_t *uc)
{
	return (const void *)uc->uc_mcontext.gregs;
}

/* The registers right here: those a callee must preserve, which are the only
 * ones a caller's rule can speak of. */
CP_INLINE void cp_cpu_full_here(struct cp_full *f)
{
	f->known = 1U << 3 | 1U << CP_CPU_FP | 1U << CP_CPU_SP | 0xfU << 12 | 1U << CP_CPU_RA;
	__asm__ volatile("mov %%rbx, 3*8(%1)\n\t"
			 "mov %%rbp, 6*8(%1)\n\t"
			 "mov %%rsp, 7*8(%1)\n\t"
			 "mov %%r12, 12*8(%1)\n\t"
			 "mov %%r13, 13*8(%1)\n\t"
			 "mov %%r14, 14*8(%1)\n\t"
			 "mov %%r15, 15*8(%1)\n\t"
			 "lea 0(%%rip), %%rax\n\t"
			 "mov %%rax, 16*8(%1)"
			 : "=m"(f->r)
			 : "r"(f->r)
			 : "rax", "memory");
}

/* Copies up to a dozen bytes of code; false when they can't be read. Careful: the
 * code may be unmapped this very moment (peek.h). */
CP_INLINE bool cp_cpu_code(uint8_t *to, uintptr_t from, size_t n, bool careful)
{
	return cp_peek_object(to, from, n, careful);
}

/* mov $15, %rax; syscall: what a handler returns to. */
CP_INLINE bool cp_cpu_is_sigreturn(uintptr_t pc, bool careful)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	uint8_t b[sizeof(code)];

	return cp_cpu_code(b, pc, sizeof(b), careful) && memcmp(b, code, sizeof(code)) == 0;
}

/* The seven bytes before pc; where the page before can't be read, as in front of generated
 * code, those in pc's own, behind zeros, which are no call. */
CP_INLINE bool cp_cpu_code_before(uint8_t *b, uintptr_t pc, bool careful)
{
	size_t n = pc % CP_PAGE;

	if (cp_cpu_code(b, pc - 7, 7, careful))
		return true;
	return n > 0 && n < 7 && cp_cpu_code(b + 7 - n, pc - n, n, careful);
}

/* Does a call instruction end at pc? e8 rel32, or ff /2 in its five lengths. */
CP_INLINE bool cp_cpu_after_call(uintptr_t pc, bool careful)
{
	static const uint8_t back[] = {2, 3, 4, 6, 7};
	uint8_t b[7] = {0};

	if (!cp_cpu_code_before(b, pc, careful))
		return false;
	if (b[2] == 0xe8)
		return true;
	for (unsigned i = 0; i < sizeof(back); i++)
		if (b[7 - back[i]] == 0xff && (b[8 - back[i]] & 0x38) == 0x10)
			return true;
	return false;
}

/* Is that where a system call returns to? */
CP_INLINE bool cp_cpu_after_syscall(uintptr_t pc)
{
	uint8_t b[2];

	return cp_cpu_code(b, pc - 2, 2, true) && b[0] == 0x0f && b[1] == 0x05;
}

#endif
