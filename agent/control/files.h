/* SPDX-License-Identifier: MIT */
/*
 * files.h - one snapshot's files: written aside, then renamed into place
 *
 * Context  CONTROL, one snapshot at a time; EXIT: cp_files_abandon
 * Holds    A name ending in .pb.gz is a whole profile, and an existing file is never
 *          replaced. What fails is removed again.
 * Fails    The first error of a file sticks in it, and is reported once by whoever
 *          drives the snapshot.
 */
#ifndef CP_CONTROL_FILES_H
#define CP_CONTROL_FILES_H

#include "../output/pprof.h"
#include "dir.h"
#include "name.h"
#include "request.h"

struct cp_file {
	const char *type;
	int fd;
	int error; /* -errno; 0: well so far */
	uint64_t size;
	char temp[CP_NAME_MAX];
};

struct cp_files {
	struct cp_dir dir;
	struct cp_name name;
	bool sync; /* fsync before the rename */
	unsigned n;
	struct cp_file file[CP_TYPES];
};

/* [EARLY] */
int cp_files_init(void);
/* Opens a temporary file for each type, where one can write. 0 or -errno: nothing
 * is open then. now: seconds since 1970. */
int cp_files_begin(struct cp_files *f, const char *const *types, unsigned n, int64_t now,
		   bool sync);
/* A sink for cp_pprof_open; ctx is a struct cp_file. */
int cp_file_write(void *ctx, const void *buf, size_t n);
/* Puts those without an error in place, removes the others, closes all. */
void cp_files_end(struct cp_files *f);

/* [EXIT] The process ends soon: no fsync from here on. */
void cp_files_hurry(void);
/* [EXIT] Removes temporary files in the making, and lets none be made from here on: nobody
 * would finish it. */
void cp_files_abandon(void);
/* [CONTROL] True after that: what fails now is no news. */
bool cp_files_abandoned(void);

#endif
