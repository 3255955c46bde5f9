/* SPDX-License-Identifier: MIT */
/*
 * dir.h - the directory the files go to: CPROF_DIR, or one of our own in /tmp
 *
 * Context  CONTROL
 * Holds    The one in /tmp is a directory, not a link, is ours, and nobody else may
 *          enter it; else it is refused.
 */
#ifndef CP_CONTROL_DIR_H
#define CP_CONTROL_DIR_H

#include "../rt/base.h"

struct cp_dir {
	int fd; /* O_PATH: a directory one may write to need not be readable */
	char path[1024];
};

/* CPROF_DIR, made when missing, with its parents. 0 or -errno. */
int cp_dir_open_configured(struct cp_dir *d);
/* /tmp/cprof-UID. 0 or -errno. */
int cp_dir_open_own(struct cp_dir *d);
void cp_dir_close(struct cp_dir *d);
/* Is that name there, and this file's? By what it is, since not every file system counts links. */
bool cp_dir_leads_to(int dir, const char *name, int fd);
/* Calls fn for each name in a directory, which must be readable. */
typedef void cp_dir_name_fn(void *ctx, const char *name);
void cp_dir_each(int fd, cp_dir_name_fn *fn, void *ctx);
/* Makes the names in it durable. */
void cp_dir_sync(const struct cp_dir *d);

#endif
