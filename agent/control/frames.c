/* SPDX-License-Identifier: MIT */
/*
 * frames.c - numbers frames from 1, in the order they are first seen
 *
 * Context  CONTROL, one job
 * Calls    mem.c
 * Holds    see frames.h; at most half of the slots are taken.
 * Why      An arena gives nothing back, so growing costs at most as much again.
 */
#include "frames.h"

#include <string.h>

#define FIRST_CAP 1024

static size_t slot_of(const struct cp_frames *f, cp_frame frame)
{
	size_t mask = 2 * f->cap - 1;
	size_t i = (size_t)((frame * 0x9e3779b97f4a7c15ULL) >> 20) & mask;

	while (f->slot[i] && f->frame[f->slot[i] - 1] != frame)
		i = (i + 1) & mask;
	return i;
}

static bool grow(struct cp_frames *f)
{
	struct cp_frames big = *f;

	big.cap = f->cap ? f->cap * 2 : FIRST_CAP;
	big.frame = cp_arena_alloc(f->job, big.cap * sizeof(*big.frame));
	big.slot = cp_arena_alloc(f->job, 2 * big.cap * sizeof(*big.slot));
	if (!big.frame || !big.slot)
		return false;
	if (f->n)
		memcpy(big.frame, f->frame, f->n * sizeof(*big.frame));
	for (size_t i = 0; i < f->n; i++)
		big.slot[slot_of(&big, big.frame[i])] = (uint32_t)i + 1;
	*f = big;
	return true;
}

uint64_t cp_frames_find(const struct cp_frames *f, cp_frame frame)
{
	return f->cap ? f->slot[slot_of(f, frame)] : 0;
}

uint64_t cp_frames_number(struct cp_frames *f, cp_frame frame)
{
	uint64_t number = cp_frames_find(f, frame);

	if (number)
		return number;
	if (f->n == f->cap && !grow(f))
		return 0;
	f->frame[f->n++] = frame;
	f->slot[slot_of(f, frame)] = (uint32_t)f->n;
	return f->n;
}
