/* SPDX-License-Identifier: MIT */
/*
 * both.h - two walkers side by side: the agent's, and libunwind as the oracle
 *
 * Context  TEST. both_init in a constructor; the walks in a signal handler of a
 *          thread on which the oracle never runs outside one: libunwind locks.
 * Why      libunwind is opened with dlopen(RTLD_LOCAL): were it linked, its
 *          _Unwind_* would stand in for libgcc's and the programs under test
 *          would throw their exceptions through it.
 */
#ifndef TEST_UNWIND_BOTH_H
#define TEST_UNWIND_BOTH_H

#include "agent/rt/base.h"

#include <ucontext.h>

#define BOTH_MAX 128

struct both_stack {
	unsigned n;
	bool cut;
	uintptr_t pc[BOTH_MAX]; /* return addresses already minus one */
};

/* True when both walkers are ready. */
bool both_init(void);
void both_ours(const ucontext_t *uc, struct both_stack *out);
/* max: how many frames to ask for; the oracle is slow. */
void both_theirs(const ucontext_t *uc, struct both_stack *out, unsigned max);

#endif
