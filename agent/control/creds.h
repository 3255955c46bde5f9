/* SPDX-License-Identifier: MIT */
/*
 * creds.h - a bare thread goes where its process goes
 *
 * Context  CONTROL, on the bare thread itself; HOST: cp_creds_await
 * Why      setuid() in libc changes every thread libc knows of; ours it does not
 *          know. A thread that sleeps would keep rights its host has given up.
 */
#ifndef CP_CONTROL_CREDS_H
#define CP_CONTROL_CREDS_H

#include "../rt/base.h"

/* Descriptors; -1: there is none. */
struct cp_creds {
	int host, own;	 /* the status of the process's first thread, and of ours */
	int tasks, stat; /* all threads, for when the first one has left; how it ended */
	uint32_t opened; /* a futex */
};

/* Before the host can be anywhere else: it may soon live where there is no /proc. After
 * cp_bare_part_files(). */
void cp_creds_open(struct cp_creds *c);
/* [HOST] Waits for that, a tenth of a second at most. */
void cp_creds_await(struct cp_creds *c);
/* Takes on the host's user, group and groups, when they differ, and gives up capabilities the
 * host hasn't. False: they can't be told or taken on, so that the thread must end. Does not return
 * when no thread of the host is left. */
bool cp_creds_follow(const struct cp_creds *c);

#endif
