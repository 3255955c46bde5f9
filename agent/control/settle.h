/* SPDX-License-Identifier: MIT */
/*
 * settle.h - makes the cpu counters equal the kernel's, before they are read
 *
 * Context  CONTROL, on the job's thread; cp_settle_forked: FORK
 */
#ifndef CP_CONTROL_SETTLE_H
#define CP_CONTROL_SETTLE_H

#include "../rt/base.h"

/* [EARLY] From here on the first cpu profile counts. 0 or -errno. */
int cp_settle_init(void);
/* [FORK] The child's first profile begins now. */
void cp_settle_forked(void);
/* [CONTROL] Charges each thread's CPU time that is in no counter yet. */
void cp_settle_all(void);
/* [CONTROL] The same for the calling thread, which is the agent's. */
void cp_settle_own(void);

/* [CONTROL] What the counters, settled last, are since the last cpu profile: when that
 * began (CLOCK_REALTIME) and how long ago that was. */
void cp_settle_span(int64_t *time_ns, int64_t *duration_ns);
/* [CONTROL] A cpu profile has been written of the last settling: the next begins there. */
void cp_settle_written(void);

#endif
