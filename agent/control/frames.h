/* SPDX-License-Identifier: MIT */
/*
 * frames.h - numbers frames from 1, in the order they are first seen
 *
 * Context  CONTROL, one job
 * Holds    frame[i] has number i + 1: a profile's location ids.
 */
#ifndef CP_CONTROL_FRAMES_H
#define CP_CONTROL_FRAMES_H

#include "../rt/mem.h"

struct cp_frames {
	struct cp_arena *job;
	cp_frame *frame;
	uint32_t *slot; /* hash index: a number, 0 empty */
	size_t n, cap;	/* n <= cap, slots: 2 * cap */
};

/* The frame's number, or 0 when memory ran out. */
uint64_t cp_frames_number(struct cp_frames *f, cp_frame frame);
/* The number it has, or 0: it has none. */
uint64_t cp_frames_find(const struct cp_frames *f, cp_frame frame);

#endif
