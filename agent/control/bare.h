/* SPDX-License-Identifier: MIT */
/*
 * bare.h - room for one thread that libc never learns of, used again and again
 *
 * Context  EARLY: cp_bare_init      ANY: cp_bare_start
 * Holds    One thread at a time runs in it: the next waits until the last has left
 *          the stack. A forked child finds it empty.
 * Fails    -errno; nothing was started.
 */
#ifndef CP_CONTROL_BARE_H
#define CP_CONTROL_BARE_H

#include "../rt/base.h"

struct cp_thread;

struct cp_bare {
	char *stack_top;
	char *block;		/* where the thread pointer points */
	struct cp_thread *self; /* its cp_self */
	uint32_t *tid;		/* cleared by the kernel when the stack is free again */
	void (*fn)(void *);	/* what runs in it, or ran last */
	void *arg;
};

/* [EARLY] 0 or -errno. */
int cp_bare_init(struct cp_bare *b);
/* Runs fn(arg) with all signals blocked, and by no realtime policy, which who made it may have:
 * at its priority ours would keep the host's others waiting. 0 or -errno. */
int cp_bare_start(struct cp_bare *b, void (*fn)(void *), void *arg);
/* [ANY] How many run; who: another number when they are others. */
uint32_t cp_bare_running(uint64_t *who);
/* [ANY] Waits, so many ns at most, till none is in it. */
bool cp_bare_left(struct cp_bare *b, int64_t within);
/* [ANY] Is it one of those that run? */
bool cp_bare_is(uint32_t tid);
/* [CONTROL, on such a thread] From here on it has a table of descriptors of its own,
 * and an empty one, but for standard error behind a filter. False where the kernel can't
 * do that. */
bool cp_bare_part_files(void);

#endif
