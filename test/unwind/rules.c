/* SPDX-License-Identifier: MIT */
/*
 * rules.c - asks both walkers, pc by pc, where they find return address and rbp
 *
 * Context  TEST: the main thread, before main; ends the process.
 * Why      A black box: a made-up stack whose every slot tells its own number
 *          when it is taken for a return address, and one whose slots tell it
 *          when they are taken for rbp. So the answer for a pc is the rule
 *          itself, comparable with what readelf prints, and no part of the
 *          walker is asked but its ordinary entry.
 *
 * For each loaded object NAME of which $UW_PCS/NAME.in exists (64-bit addresses as
 * linked, bit 63 set where the rule is an expression), NAME.out gets one struct answer for each.
 */
#include "modes.h"

#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HALF	 65536 /* slots in each half: the lower is the stack, the upper rbp's targets */
#define SP_SLOT	 64
#define BP_SLOT	 57344 /* above all else: the next frame it gives must lie higher */
#define REG_SLOT 24576 /* the other registers, each 2,048 slots on */
#define REG_STEP 2048

#define INDIRECT (1ULL << 63) /* in a question: the rule is an expression */

enum { NONE = -1, SAME = -2 };

struct answer {
	uint64_t pc;
	int32_t ra[2], fp[2]; /* slot numbers: ours, the oracle's */
};

struct fake {
	uint64_t *for_ra; /* every slot: sled + 1 + i */
	uint64_t *for_fp; /* lower half: the address of slot HALF + i */
};

typedef void walk_fn(const ucontext_t *uc, struct both_stack *out, unsigned max);

extern const char rules_sled[];

static struct {
	sigjmp_buf after_fault;
	volatile sig_atomic_t oracle_walks;
} st;

static void ours(const ucontext_t *uc, struct both_stack *out, unsigned max)
{
	both_ours(uc, out);
	out->n = CP_MIN(out->n, max);
}

/* A rule like *(rsp + r9 * 8) leads nowhere with a made-up r9, and the oracle
 * follows it: then it answers nothing. */
static void theirs(const ucontext_t *uc, struct both_stack *out, unsigned max)
{
	if (sigsetjmp(st.after_fault, 0) == 0) {
		st.oracle_walks = 1;
		both_theirs(uc, out, max);
	} else {
		out->n = 0;
	}
	st.oracle_walks = 0;
}

static void on_fault(int sig)
{
	if (st.oracle_walks)
		siglongjmp(st.after_fault, 1);
	signal(sig, SIG_DFL);
}

static uint64_t sled_value(uint64_t slot)
{
	return (uintptr_t)rules_sled + 1 + slot;
}

static void fill(const struct fake *f)
{
	for (uint64_t i = 0; i < 2 * HALF; i++) {
		f->for_ra[i] = sled_value(i);
		f->for_fp[i] = i < HALF ? (uintptr_t)&f->for_fp[HALF + i] : sled_value(i);
	}
}

static void set_context(ucontext_t *uc, const uint64_t *stack, uintptr_t pc)
{
	/* gregs run r8..r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip */
	for (int reg = 0; reg <= REG_RSP; reg++)
		uc->uc_mcontext.gregs[reg] = (greg_t)&stack[REG_SLOT + REG_STEP * reg];
	uc->uc_mcontext.gregs[REG_RBP] = (greg_t)&stack[BP_SLOT];
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)&stack[SP_SLOT];
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

/* The slot number frame `at` was read from. */
static int slot_of(const struct both_stack *s, unsigned at)
{
	uint64_t slot;

	if (at >= s->n)
		return NONE;
	slot = s->pc[at] - (uintptr_t)rules_sled;
	/* An address that is no code, taken from a register: the oracle believes it. */
	return slot < 2 * HALF ? (int)slot : NONE;
}

static int ask_fp(walk_fn *walk, ucontext_t *uc, const struct fake *f, int ra)
{
	struct both_stack s;
	uint64_t at_ra = f->for_fp[ra];
	uint64_t above_bp = f->for_fp[BP_SLOT + 1];
	int slot;

	f->for_fp[ra] = sled_value((uint64_t)ra);
	walk(uc, &s, 3);
	slot = slot_of(&s, 2);
	if (slot < HALF) {
		f->for_fp[BP_SLOT + 1] = sled_value(BP_SLOT + 1);
		walk(uc, &s, 3);
		slot = slot_of(&s, 2) == BP_SLOT + 1 ? HALF + SAME + 1 : slot;
		f->for_fp[BP_SLOT + 1] = above_bp;
	}
	f->for_fp[ra] = at_ra;
	return slot >= HALF - 1 ? slot - HALF - 1 : slot;
}

/* Where a rule follows a pointer, the pointer must lead somewhere: to the upper
 * half, each of whose slots is a return address. */
static int ask_ra(walk_fn *walk, const struct fake *f, uintptr_t pc, bool indirect)
{
	static ucontext_t uc;
	struct both_stack s;
	int slot = NONE;

	if (indirect) {
		set_context(&uc, f->for_fp, pc);
		walk(&uc, &s, 2);
		slot = slot_of(&s, 1);
	}
	if (slot < 0) {
		set_context(&uc, f->for_ra, pc);
		walk(&uc, &s, 2);
		slot = slot_of(&s, 1);
	}
	return slot;
}

static void ask(walk_fn *walk, const struct fake *f, uint64_t pc, int32_t *ra, int32_t *fp)
{
	static ucontext_t uc;
	uintptr_t exact = pc & ~INDIRECT;

	*ra = ask_ra(walk, f, exact, (pc & INDIRECT) != 0);
	*fp = NONE;
	if (*ra < 0 || *ra >= HALF)
		return;
	set_context(&uc, f->for_fp, exact);
	*fp = ask_fp(walk, &uc, f, *ra);
}

static void answer_all(FILE *in, FILE *out, uintptr_t base, const struct fake *f)
{
	struct answer a;

	while (fread(&a.pc, sizeof(a.pc), 1, in) == 1) {
		ask(ours, f, base + a.pc, &a.ra[0], &a.fp[0]);
		ask(theirs, f, base + a.pc, &a.ra[1], &a.fp[1]);
		fwrite(&a, sizeof(a), 1, out);
	}
}

static int each_object(struct dl_phdr_info *info, size_t size, void *fake)
{
	char exe[512] = "", in_path[768], out_path[768];
	const char *name = info->dlpi_name;
	FILE *in, *out;

	(void)size;
	if (name[0] == 0 && readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0)
		name = exe;
	name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	snprintf(in_path, sizeof(in_path), "%s/%s.in", getenv("UW_PCS"), name);
	snprintf(out_path, sizeof(out_path), "%s/%s.out", getenv("UW_PCS"), name);
	in = fopen(in_path, "re");
	if (in == NULL)
		return 0;
	out = fopen(out_path, "we");
	if (out != NULL) {
		answer_all(in, out, info->dlpi_addr, fake);
		fclose(out);
	}
	fclose(in);
	return 0;
}

/* The made-up stacks lie on the real one: known to the walker, no probing. */
void rules_run(void)
{
	uint64_t for_ra[2 * HALF], for_fp[2 * HALF];
	struct fake fake = {for_ra, for_fp};
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

	fill(&fake);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	dl_iterate_phdr(each_object, &fake);
	_exit(0);
}
