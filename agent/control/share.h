/* SPDX-License-Identifier: MIT */
/*
 * share.h - a share of the processors, where a thousand threads want them
 *
 * Context  CONTROL: on the agent's own threads
 * Holds    What a thread claims it has until cp_share_end, or its own end.
 * Fails    Where the process may not raise a thread's priority, or filters its system
 *          calls, the share is what it is: all is done, later.
 */
#ifndef CP_CONTROL_SHARE_H
#define CP_CONTROL_SHARE_H

/* Who does something for each thread claims after so many. */
#define CP_SHARE_FEW 64

/* From here on the calling thread's want of processors counts. */
void cp_share_begin(void);
/* Raises its priority if it has waited long for a processor since; nothing outside of begin
 * and end. */
void cp_share_claim(void);
void cp_share_end(void);

#endif
