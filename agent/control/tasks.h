/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - the threads as the kernel lists them
 *
 * Context  CONTROL: on the job's thread, which has descriptors of its own.
 * Fails    Without /proc there is nothing to read: no threads, no names.
 */
#ifndef CP_CONTROL_TASKS_H
#define CP_CONTROL_TASKS_H

#include "../rt/base.h"

typedef void cp_task_fn(void *ctx, uint32_t tid);

void cp_tasks_each(cp_task_fn *fn, void *ctx);
/* At most 15 bytes and a NUL; stays as it is when the thread is gone. */
void cp_tasks_name(uint32_t tid, char name[16]);
bool cp_tasks_blocks(uint32_t tid, int sig);

#endif
