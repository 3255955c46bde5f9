/* SPDX-License-Identifier: MIT */
/*
 * step.c - compares both walkers at every instruction of a program
 *
 * Context  TEST: SIGTRAP handler of the one thread that steps itself.
 * Why      The trap flag, set by step_on() or at start, makes the processor
 *          trap after each instruction; a handler starts with the flag clear
 *          and returns to a context that has it set. In-process, so tens of
 *          thousands of steps a second; ptrace would need two switches each.
 *          Calls and returns are counted as well: where the walkers differ,
 *          that tells which of them is right.
 */
#include "modes.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX    (1UL << 16)
#define SEEN_ENOUGH 1
#define SHADOW_MAX  4096
#define TRAP_FLAG   0x100

static struct {
	struct record *record;
	uint64_t budget; /* steps until the flag is taken away; 0: no end */
	struct {
		uint64_t hash;
		uint32_t times;
	} seen[SEEN_MAX];
	/* Calls made and not returned from: where the return address lies. */
	struct {
		uintptr_t slot, ret;
	} shadow[SHADOW_MAX];
	unsigned depth;
	uintptr_t last_pc, last_sp;
} st;

/* Skips the prefixes a call may carry: operand size, CS, DS (notrack), BND, REX. */
static const uint8_t *skip_prefixes(const uint8_t *p)
{
	while (*p == 0x66 || *p == 0x2e || *p == 0x3e || *p == 0xf2 || (*p & 0xf0) == 0x40)
		p++;
	return p;
}

static bool is_call(uintptr_t pc)
{
	const uint8_t *p = skip_prefixes((const uint8_t *)pc);

	return *p == 0xe8 || (*p == 0xff && (p[1] >> 3 & 7) == 2);
}

static void shadow_update(uintptr_t pc, uintptr_t sp)
{
	while (st.depth > 0 && st.shadow[st.depth - 1].slot < sp)
		st.depth--;
	if (st.last_pc && sp == st.last_sp - 8 && is_call(st.last_pc) && st.depth < SHADOW_MAX) {
		uintptr_t ret = *(uintptr_t *)sp;

		if (ret > st.last_pc && ret - st.last_pc <= 12) {
			st.shadow[st.depth].slot = sp;
			st.shadow[st.depth++].ret = ret;
		}
	}
	st.last_pc = pc;
	st.last_sp = sp;
}

/* Which call frame `at` must return from; -1 when counting can't tell, as beyond a
 * signal frame, which nobody called. */
static int shadow_index(const struct both_stack *s, unsigned at)
{
	if (at == 1)
		return (int)st.depth - 1;
	for (int i = (int)st.depth - 1; at > 1 && i >= 0; i--)
		if (st.shadow[i].ret == s->pc[at - 1] + 1)
			return i - 1;
	return -1;
}

static bool is_true(const struct both_stack *s, unsigned at)
{
	int i = shadow_index(s, at);

	return at < s->n && i >= 0 && st.shadow[i].ret == s->pc[at] + 1;
}

static uint64_t hash_of(const struct both_stack *s, uintptr_t sp)
{
	uint64_t h = sp ^ s->n;

	for (unsigned i = 0; i < s->n; i++)
		h = (h ^ s->pc[i]) * 0x9e3779b97f4a7c15ULL + (h >> 29);
	return h | 1;
}

/* A loop comes by the same place again and again: the oracle sees each stack
 * once only. A full neighbourhood means: compare. */
static bool seen_enough(uint64_t hash)
{
	for (unsigned i = 0; i < 16; i++) {
		size_t at = (hash + i) % SEEN_MAX;

		if (st.seen[at].hash == 0)
			st.seen[at].hash = hash;
		if (st.seen[at].hash == hash)
			return ++st.seen[at].times > SEEN_ENOUGH;
	}
	return false;
}

static void compare(const ucontext_t *uc)
{
	static struct both_stack ours, theirs;
	unsigned at, truth;

	both_ours(uc, &ours);
	if (seen_enough(hash_of(&ours, (uintptr_t)uc->uc_mcontext.gregs[REG_RSP])))
		return;
	both_theirs(uc, &theirs, BOTH_MAX);
	if (record_compare(st.record, &ours, &theirs, &at))
		return;
	truth = is_true(&ours, at) | is_true(&theirs, at) << 1;
	record_diff(st.record, &ours, &theirs, at, truth);
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *gregs = uc->uc_mcontext.gregs;
	int saved = errno;

	(void)sig;
	(void)info;
	shadow_update((uintptr_t)gregs[REG_RIP], (uintptr_t)gregs[REG_RSP]);
	record_pc(st.record, (uintptr_t)gregs[REG_RIP]);
	compare(uc);
	if (++st.record->seen == st.budget)
		gregs[REG_EFL] &= ~TRAP_FLAG;
	errno = saved;
}

void step_init(struct record *record, bool at_once)
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
	const char *budget = getenv("UW_STEPS");

	st.record = record;
	st.budget = budget ? strtoull(budget, NULL, 10) : 0;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTRAP, &sa, NULL);
	if (at_once)
		step_on();
}
