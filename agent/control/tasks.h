/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - the threads as the kernel lists them
 *
 * Context  CONTROL: on the job's thread, or HTTP's, which have descriptors of their own.
 * Fails    Without /proc there is nothing to read: no threads, no names.
 */
#ifndef CP_CONTROL_TASKS_H
#define CP_CONTROL_TASKS_H

#include "../rt/base.h"

typedef void cp_task_fn(void *ctx, uint32_t tid);

void cp_tasks_each(cp_task_fn *fn, void *ctx);
/* The same, of a directory of threads that is open. */
void cp_tasks_each_in(int fd, cp_task_fn *fn, void *ctx);
/* At most 15 bytes and a NUL; stays as it is when the thread is gone. */
void cp_tasks_name(uint32_t tid, char name[16]);
bool cp_tasks_blocks(uint32_t tid, int sig);
/* Is it a thread of the agent? It has such a name, as a program or a thread of the host's may;
 * and none of these has told of itself. */
bool cp_tasks_is_own(uint32_t tid, const char *name);

/* What a thread is in, as the kernel tells without disturbing it. */
struct cp_task_call {
	enum {
		CP_TASK_GONE,	 /* there is no such thread any more */
		CP_TASK_REFUSED, /* not told: the process may not be dumped, or no /proc */
		CP_TASK_RUNS,	 /* or would, if it had a processor */
		CP_TASK_WAITS,	 /* in the call below */
	} is;
	int nr; /* of the system call; -1: stopped where there is none, a page fault say */
	uint64_t arg[6];
	uintptr_t sp, pc;
};
void cp_tasks_call(uint32_t tid, struct cp_task_call *c);
/* Is it the same wait, as far as one can see? */
bool cp_tasks_same_call(const struct cp_task_call *a, const struct cp_task_call *b);

#endif
