/* SPDX-License-Identifier: MIT */
/*
 * loss.h - what was lost, counted by reason
 *
 * Context  ANY: one relaxed add.
 * Shared   a row of counters in memory a forked child finds zeroed.
 * Holds    Nothing is dropped in silence: every reason is in each profile's
 *          comments when it is not zero.
 */
#ifndef CP_SAMPLE_LOSS_H
#define CP_SAMPLE_LOSS_H

#include "../rt/base.h"

#define CP_LOSSES(X)                                                                             \
	X(STACKS_FULL, "stack table full: charged to [table full]")                              \
	X(CELLS_FULL, "bucket table full: charged to [table full]")                              \
	X(LIVE_FULL, "live-block table full: block counted as freed at once")                    \
	X(LIVE_STALE, "block freed behind our back: record retired when its address came again") \
	X(NO_STACK, "no frame could be found")                                                   \
	X(TRUNCATED, "stack deeper than the limit: leaf side kept")                              \
	X(WALK_NO_RULE, "walk ended: no call-frame rule")                                        \
	X(WALK_BAD_RULE, "walk ended: a rule we don't interpret")                                \
	X(WALK_BAD_READ, "walk ended: outside the stack or unreadable")                          \
	X(WALK_BAD_CFA, "walk ended: frame address not above the last")                          \
	X(MODULES_FULL, "module table full: frames named by address")                            \
	X(LATE_START, "allocations before the agent was ready")                                  \
	X(THREADS_FULL, "thread table full: CPU time charged to [threads gone]")                 \
	X(NO_TIMER, "threads without a timer: CPU time charged to their start")                  \
	X(NO_ROOM, "CPU samples without room on the stack: charged to the last one")             \
	X(WAITERS_FULL, "waiter table full: contended waits charged to no unlock")

enum cp_loss {
#define X(id, text) CP_LOSS_##id,
	CP_LOSSES(X)
#undef X
		CP_LOSS_COUNT
};

int cp_loss_init(void);
void cp_loss_add(enum cp_loss reason, uint64_t n);
uint64_t cp_loss_read(enum cp_loss reason);
const char *cp_loss_text(enum cp_loss reason);

#endif
