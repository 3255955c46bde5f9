/* SPDX-License-Identifier: MIT */
/*
 * emit.h - one reading of a source, written as all the profiles that share it
 *
 * Context  CONTROL, one job
 */
#ifndef CP_CONTROL_EMIT_H
#define CP_CONTROL_EMIT_H

#include "comments.h"
#include "profiles.h"
#include "symbols.h"
#include "window.h"

/* Where a profile's bytes go, and its first error, which sticks; 0: well so far. */
struct cp_emit_out {
	struct cp_sink sink;
	int *error;
};

struct cp_emit {
	struct cp_arena *job;
	const struct cp_maps *maps;
	const struct cp_comments *comments;
	const struct cp_window *window;		    /* NULL: totals */
	const struct cp_profile_row *row[CP_TYPES]; /* all of one source */
	struct cp_emit_out out[CP_TYPES];	    /* where row i goes */
	unsigned n;
	bool empty;  /* the source is off: no samples */
	bool to_log; /* what is remarkable */
};

/* Errors end up where `out` says. The caller holds cp_exclusive (exclusive.h). */
void cp_emit_run(const struct cp_emit *e);

#endif
