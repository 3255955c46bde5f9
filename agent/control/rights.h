/* SPDX-License-Identifier: MIT */
/*
 * rights.h - an ordinary thread of ours has the capabilities its process has
 *
 * Context  HOST: cp_rights_shut_in      CONTROL, on such a thread: the rest
 * Why      libc's setuid() and its kin make the same system call on each thread, and end
 *          the process when they don't all answer the same. Capabilities are each
 *          thread's own: a host that keeps or raises some, as named and setpriv do,
 *          changes one thread, which was the only one it knew of.
 */
#ifndef CP_CONTROL_RIGHTS_H
#define CP_CONTROL_RIGHTS_H

#include "../rt/base.h"

/* Libc has its handler for signal 33 since a thread was made. */
void cp_rights_share(void);
/* The calling thread is one of ours, the slot-th; and no longer. */
void cp_rights_join(unsigned slot);
void cp_rights_leave(unsigned slot);
/* Gives up, and takes up, what the process's first thread has by now. */
void cp_rights_follow(void);
/* [HOST] The process enters a sandbox, where a system call may kill: no more of this. */
void cp_rights_shut_in(void);

#endif
