/* SPDX-License-Identifier: MIT */
/*
 * log.h - one clear line, to where CPROF_LOG says
 *
 * Context  ANY: one write(2); async-signal-safe; errno untouched.
 * Fails    A line that can't be written is dropped: the host comes first.
 */
#ifndef CP_RT_LOG_H
#define CP_RT_LOG_H

#include "base.h"

/* NULL: stderr, while descriptor 2 still is the file it was at this call.
 * "none": nothing. Else a path, opened for each line, appended to, closed; stderr, with
 * a word about it, when that fails. */
void cp_log_init(const char *where);
/* [ANY] Is this thread's descriptor 2 where lines go? */
bool cp_log_is_stderr(void);
/* [A thread with descriptors of its own, each second] Gives up the copy of standard error it
 * has kept once the process has given up its own, as a daemon does. */
void cp_log_follow(void);
/* Writes "cprof[PID]: " and the line in one piece. The verbs are buf.h's. */
void cp_log(const char *fmt, ...) CP_PRINTF(1, 2);

#endif
