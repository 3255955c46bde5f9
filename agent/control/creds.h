/* SPDX-License-Identifier: MIT */
/*
 * creds.h - a job's thread goes where its process goes
 *
 * Context  CONTROL, on the job's own thread
 * Why      setuid() in libc changes every thread libc knows of; ours it does not
 *          know. A job that sleeps would keep rights its host has given up.
 */
#ifndef CP_CONTROL_CREDS_H
#define CP_CONTROL_CREDS_H

/* Takes on the user, group and groups of the process's first thread, when they differ. */
void cp_creds_follow(void);

#endif
