/* SPDX-License-Identifier: MIT */
/*
 * answer.h - the files a process writes for a request of ours
 *
 * Context  the cprof program.
 * Holds    A file is the answer when a comment in it has the request's nonce. One
 *          snapshot's files agree in their names up to the type; they are complete
 *          when no temporary one of that name is left.
 *          A file counts only when it is a plain one, and, where others may write,
 *          of one of the process's users, or of root, as which a server's first thread
 *          may have begun; the folder in /tmp only under the library's own terms for it
 *          (agent/control/dir.h). Who they are may change: p is to be read again from
 *          time to time, and what was another's is looked at anew.
 *          What is there before the request is sent can't have its nonce, and is
 *          never read: a process may keep hundreds of profiles.
 * Why      Where only one may write no owner is asked for: a server of files, or a
 *          mount, may give all files one owner that no process runs as.
 */
#ifndef CP_CLI_ANSWER_H
#define CP_CLI_ANSWER_H

#include "options.h"
#include "process.h"

struct cp_answer {
	const struct cp_process *process; /* its users, as they were last read */
	pid_t pid;			  /* in its own pid namespace, as in the names */
	uid_t own_uid;			  /* in the name of `own` */
	uint32_t nonce;
	struct cp_words folders; /* where to look */
	void *known;		 /* files that are not it, as tsearch(3) keeps them */
	const char *own;	 /* the one of them in /tmp, where all may write */
	char *folder, *prefix;	 /* found: what its files have in common */
};

/* [before the request is sent] Where this process may write: dir when given, else what its
 * environment says; and where it does when it may not. Remembers which files are there, and p. */
bool cp_answer_init(struct cp_answer *a, const struct cp_process *p, const char *dir,
		    uint32_t nonce);
/* Has it come, whole? */
bool cp_answer_is_there(struct cp_answer *a);
/* Prints the names, a line each. */
void cp_answer_print(const struct cp_answer *a);
/* Is there a file of this type in it? */
bool cp_answer_has(const struct cp_answer *a, const char *type);

#endif
