/* SPDX-License-Identifier: MIT */
/*
 * underway.h - adds the waits under way to the block profile's counters
 *
 * Context  CONTROL; cp_underway_init: EARLY; cp_underway_hurry: EXIT
 */
#ifndef CP_CONTROL_UNDERWAY_H
#define CP_CONTROL_UNDERWAY_H

#include "comments.h"

/* [EARLY] 0 or -errno. */
int cp_underway_init(void);
/* [CONTROL] Before a reading: each with its time so far. */
void cp_underway_settle(void);
/* [CONTROL] After it: what it had no time for. */
void cp_underway_remark(struct cp_arena *job, struct cp_comments *c, bool to_log);
/* [EXIT] From here on little time is taken for it. */
void cp_underway_hurry(void);

#endif
