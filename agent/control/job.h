/* SPDX-License-Identifier: MIT */
/*
 * job.h - the one way anything is done on request: a thread of our own, which ends with
 * it, or stays where there is an interval to keep
 *
 * Context  ANY: cp_job_ask (handlers, exit)
 * Holds    At most one job runs in a process. Whoever asks while it runs adds to what
 *          it does before it ends: no request is lost, none waits for another.
 * Fails    When the kernel refuses a thread: one line, the request is lost.
 */
#ifndef CP_CONTROL_JOB_H
#define CP_CONTROL_JOB_H

#include "../rt/base.h"

/* [EARLY] 0 or -errno. */
int cp_job_init(void);
/* [ANY] Is this the process whose state we hold? False in a vfork child, which
 * shares its parent's memory. A child made behind our back is taken over here. */
bool cp_job_at_home(void);
/* [HOST] From here on a job keeps the interval, if one is set. */
void cp_job_start(void);
/* [FORK] The child starts with nothing asked, and the same. */
void cp_job_forked(void);
/* [HOST, its only thread, with signals blocked] The job's thread leaves after what it is at: true
 * when it is gone, which takes what a snapshot takes, a second at most. Then none is started until
 * release, which goes on with what there was. */
bool cp_job_hold(void);
void cp_job_release(void);
/* [ANY] word: request.h; anything else, 0 say, asks for all profiles now. */
void cp_job_ask(uint64_t word);
/* [EXIT] Asks for a last snapshot and waits for it, at most 100 ms; past that it is
 * dropped, and a line says so. */
void cp_job_ask_last(void);

#endif
