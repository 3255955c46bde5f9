/* SPDX-License-Identifier: MIT */
/*
 * waiting.h - what a thread says of itself before it blocks
 *
 * Context  ANY. Only its own thread writes the record; a handler may interrupt that
 *          thread and wait itself. Others may copy it, by cp_sys_copy.
 * Order    seq is odd while the record changes. rel by the thread; who copies it
 *          compares seq before and after.
 * Holds    kind is not 0 from wait_begin to wait_end. A wait that was left by
 *          siglongjmp stays until the thread's next one.
 */
#ifndef CP_SAMPLE_WAITING_H
#define CP_SAMPLE_WAITING_H

#include "../rt/base.h"
#include "walk.h"

enum cp_wait_kind { CP_WAIT_NONE = 0, CP_WAIT_MUTEX };

struct cp_wait {
	uint32_t seq;
	uint32_t kind; /* enum cp_wait_kind */
	uintptr_t object;
	int64_t start;	       /* CLOCK_MONOTONIC */
	struct cp_regs caller; /* where a walk of the waiting thread begins */
	uint32_t ticket;       /* waiters.h; 0: not there */
};

extern __thread struct cp_wait cp_waiting
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

#endif
