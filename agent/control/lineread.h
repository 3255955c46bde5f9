/* SPDX-License-Identifier: MIT */
/*
 * lineread.h - reads text files line by line
 *
 * Context  CONTROL: blocking reads, no allocation.
 * Holds    A line that does not fit is left out whole: half a line is no line.
 */
#ifndef CP_CONTROL_LINEREAD_H
#define CP_CONTROL_LINEREAD_H

#include "../rt/base.h"

#define CP_LINEREAD_MAX 8192U

struct cp_lineread {
	int fd;
	uint64_t offset; /* of the line answered last, in the file */
	uint64_t read;	 /* bytes taken from the file so far */
	size_t at, have; /* buf[at .. have) is not given out yet */
	bool end;
	char buf[CP_LINEREAD_MAX];
};

/* 0 or -errno. */
int cp_lineread_open(struct cp_lineread *r, const char *path);
void cp_lineread_close(struct cp_lineread *r);
/* The next line, without its newline, valid until the next call; NULL at the end. */
char *cp_lineread_next(struct cp_lineread *r);

#endif
