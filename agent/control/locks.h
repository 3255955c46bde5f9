/* SPDX-License-Identifier: MIT */
/*
 * locks.h - who has what a thread waits for
 *
 * Context  CONTROL
 */
#ifndef CP_CONTROL_LOCKS_H
#define CP_CONTROL_LOCKS_H

#include "dump.h"
#include "peer.h"

/* The thread that must do something before t goes on: it has the mutex, writes under the
 * lock, or is to end. 0: there is none such, or nobody can tell. Looks at the lock as it
 * is now. */
uint32_t cp_locks_holder(const struct cp_peer *p, const struct cp_dump *d,
			 const struct cp_dump_thread *t);
/* Is it a mutex that lends its holder the priority of those who wait? */
bool cp_locks_inherits(const struct cp_peer *p, const struct cp_dump_thread *t);

#endif
