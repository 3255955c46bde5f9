/* SPDX-License-Identifier: MIT */
/*
 * trim.h - the frames of a recorded stack, as profiles show them
 *
 * Context  CONTROL, one job
 * Holds    Who allocates is the leaf: what a C++ library's operator new has below that is left
 *          out, where it was that which called malloc (shim/cxx.c hides ours from programs
 *          that are in C). A program's own operators are its functions like others.
 */
#ifndef CP_CONTROL_TRIM_H
#define CP_CONTROL_TRIM_H

#include "../sample/walk.h"
#include "frames.h"

#define CP_TRIM_FRAMES (CP_WALK_MAX + 1) /* and where they were cut */

struct cp_source;
struct cp_symbol;

/* Zeroed: nothing is left out. */
struct cp_trim {
	struct cp_frames frames; /* which stacks begin with, and lie in a C++ library */
	const struct cp_symbol **symbol;
};

/* What to leave out of what the source has now. 0 or -ENOMEM. */
int cp_trim_learn(struct cp_trim *t, struct cp_arena *job, const struct cp_source *source);
/* Leaf first, CP_TRIM_FRAMES at most, one at least. */
unsigned cp_trim_stack(const struct cp_trim *t, cp_sid sid, cp_frame *out);

#endif
