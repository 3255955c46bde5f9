/* SPDX-License-Identifier: MIT */
/*
 * asklines.h - asks cprof-lines what lies at the addresses of one object
 *
 * Context  the cprof program.
 * Fails    false after one line; what was answered before that counts.
 */
#ifndef CP_CLI_ASKLINES_H
#define CP_CLI_ASKLINES_H

#include "../agent/rt/base.h"

struct cp_asklines {
	const char *path;     /* the object */
	const char *debug;    /* NULL, or the file with its debug data */
	const char *build_id; /* NULL, or what both must have */
	const uint64_t *addr; /* as p_vaddr counts */
	size_t n;
	/* For addr[i], in order: a name from the symbol tables, then the calls at that
	 * address, innermost first. Texts are valid during the call; "" is not known. */
	void (*on_name)(void *ctx, size_t i, const char *symbol);
	void (*on_call)(void *ctx, size_t i, const char *function, const char *file, long line);
	void *ctx;
};

bool cp_asklines(const struct cp_asklines *q);

#endif
