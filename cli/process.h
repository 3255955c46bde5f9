/* SPDX-License-Identifier: MIT */
/*
 * process.h - what /proc tells of a running process, as far as profiling goes
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_PROCESS_H
#define CP_CLI_PROCESS_H

#include "../agent/rt/base.h"

#include <signal.h>
#include <sys/types.h>

#define CP_PROCESS_EUID	     1
#define CP_PROCESS_UIDS	     4
#define CP_PROCESS_LIBRARIES 4

struct cp_process {
	pid_t pid;
	int fd;	       /* a pidfd: of it, and never of one that gets its number later; or -1 */
	pid_t own_pid; /* what it calls itself, in its own pid namespace */
	uid_t uid[CP_PROCESS_UIDS]; /* real, effective, saved, of the file system */
	uint64_t caught;	    /* signals it has handlers for, bit sig - 1 */
	pid_t tid;	  /* a thread of it that has not ended: the first, or another; or 0 */
	bool has_library; /* libcprof.so is mapped */
	uint64_t library[CP_PROCESS_LIBRARIES]; /* where that, and other copies, begin */
	unsigned nlibraries;
	char root[48]; /* before its paths, when it sees other mounts than we: its root in /proc */
	char program[64];  /* its executable's name; "" when that can't be read */
	char *environment; /* NUL after each; as it was at the start, or overwritten since */
	size_t environment_size;
};

/* false after a complaint: no such process, or not ours to look at. */
bool cp_process_read(struct cp_process *p, pid_t pid);
void cp_process_release(struct cp_process *p);

/* The same process as it is now: it may have become another program. false as above. */
bool cp_process_read_again(struct cp_process *p);

/* Only its users, as they are now; says nothing when they can't be read, and leaves them. */
void cp_process_read_uids(struct cp_process *p);

/* Queues the signal with value; 0 or -errno. One that waits for the same signal to be taken
 * would take it along: so whoever sends by this function has the process to himself until
 * his has been taken, as far as that is done in a second. Not from who sees another /proc. */
int cp_process_send(const struct cp_process *p, int sig, union sigval value);

/* A process that is gone, or only waits for its parent to notice. */
bool cp_process_has_ended(const struct cp_process *p);

/* The value of a variable when the process started; NULL: not set. */
const char *cp_process_variable(const struct cp_process *p, const char *name);

#endif
