/* SPDX-License-Identifier: MIT */
/*
 * slurp.h - a whole file in memory, and a guess at what it is when it is no profile
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_SLURP_H
#define CP_CLI_SLURP_H

#include "region.h"

struct cp_bytes {
	unsigned char *data;
	size_t size;
};

/* Reads path ("-": standard input) into the region; complains on failure. */
bool cp_slurp(const char *path, struct cp_region *region, struct cp_bytes *out);

/* All that is left of an open file; 0, or the errno that ended it. */
int cp_slurp_fd(int fd, struct cp_region *region, struct cp_bytes *out);

/* What a file of this size may unpack to, at most most. */
size_t cp_slurp_unpacked_max(size_t packed, size_t most);

/* [after the reader refused it, saying why] One line on what path holds instead. */
void cp_slurp_complain(const char *path, const struct cp_bytes *file, const char *why);

#endif
