/* SPDX-License-Identifier: MIT */
/*
 * dump.h - every thread of the process at one moment: where it is, what it waits for
 *
 * Context  as each function says
 * Holds    No thread that waits is disturbed: what it left before it blocked is copied,
 *          and what the kernel says of it is read.
 * Fails    A thread whose stack can't be had is in the list, without one.
 */
#ifndef CP_CONTROL_DUMP_H
#define CP_CONTROL_DUMP_H

#include "../rt/mem.h"
#include "../sample/waiting.h"
#include "state.h"
#include "tasks.h"

struct cp_dump_thread {
	uint32_t tid;
	uint16_t state; /* state.h */
	uint16_t label; /* its name as a label set */
	char name[16];
	cp_sid sid;
	uint32_t creation;   /* made.h; 0: not known */
	struct cp_wait wait; /* when kind is not 0; start 0: told by the kernel, not by it */
	uint32_t holder;     /* who has what it waits for (locks.h); 0: not known */
	uint32_t deadlock;   /* the number of the one it is in; 0: none */
	/* Where these came from. */
	uint32_t slot; /* its number plus one; 0: it has none */
	uintptr_t waiting, stack_hi;
	uintptr_t start;
	bool settled, asked; /* there is nothing more to find out; it runs, or ran */
};

struct cp_dump {
	struct cp_dump_thread *thread; /* by tid, ascending */
	uint32_t n;
	uint32_t more; /* threads there was no room for */
	uint32_t ndeadlocks;
	uint64_t now; /* by cp_ticks_now */
};

/* [EARLY] 0 or -errno. */
int cp_dump_init(void);
/* [CONTROL] 0 or -errno: then d is not to be used. The memory is the job's. */
int cp_dump_take(struct cp_arena *job, struct cp_dump *d);
/* NULL: no such thread in it. */
const struct cp_dump_thread *cp_dump_find(const struct cp_dump *d, uint32_t tid);
/* How many threads there are, without looking at what they do. */
uint32_t cp_dump_count(void);
/* [EXIT] From here on nobody is waited for long. */
void cp_dump_hurry(void);

#endif
