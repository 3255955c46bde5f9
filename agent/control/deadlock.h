/* SPDX-License-Identifier: MIT */
/*
 * deadlock.h - threads that wait for each other, in a circle, for ever
 *
 * Context  CONTROL
 */
#ifndef CP_CONTROL_DEADLOCK_H
#define CP_CONTROL_DEADLOCK_H

#include "comments.h"
#include "dump.h"
#include "peer.h"

/* Finds them in a dump whose holders are known, and looks again at each; sets each thread's
 * `deadlock` and the dump's count. No memory: none are found. */
void cp_deadlock_find(const struct cp_peer *p, struct cp_arena *job, struct cp_dump *d);

/* The first thread of one; the next is who holds what it waits for, and so on, back to it. */
const struct cp_dump_thread *cp_deadlock_first(const struct cp_dump *d, uint32_t number);

/* Writes a comment for each thread in one, and to the log a line for each deadlock. The
 * caller holds cp_exclusive. */
void cp_deadlock_remark(struct cp_arena *job, const struct cp_dump *d, struct cp_comments *c,
			bool to_log);

#endif
