/* SPDX-License-Identifier: MIT */
/*
 * record.h - what a comparison found, in a file that outlives the program
 *
 * Context  TEST. The file is a shared mapping, written in signal handlers of one
 *          thread and read by test/unwind/differ.py when the program has ended,
 *          however it ended.
 */
#ifndef TEST_UNWIND_RECORD_H
#define TEST_UNWIND_RECORD_H

#include "both.h"

#define RECORD_MAGIC   0x31574e5543505243ULL
#define RECORD_FRAMES  40
#define RECORD_DIFFS   2048
#define RECORD_MODULES 256

enum record_kind {
	RECORD_SHORTER = 1, /* ours ends early, agrees so far */
	RECORD_LONGER,	    /* the oracle ends early, agrees so far */
	RECORD_OTHER,	    /* they part */
	RECORD_NOISE,	    /* ours ends where the oracle's next frame is in no object */
};

#define RECORD_NOT_COUNTED 4U

struct record_diff {
	uint64_t count, pc;
	uint32_t kind;
	uint32_t at;	/* index of the first frame that differs */
	uint32_t truth; /* bit 0: by counting calls our frame there is right; bit 1: theirs; bit 2:
			   nobody counted */
	uint32_t n_ours, n_theirs, pad;
	uint64_t ours[RECORD_FRAMES], theirs[RECORD_FRAMES];
};

struct record_module {
	uint64_t start, end, base;
	char path[232];
};

struct record {
	uint64_t magic;
	uint64_t seen;	     /* contexts walked */
	uint64_t compared;   /* of those, by both */
	uint64_t identical;  /* of those, frame by frame */
	uint64_t frames;     /* the oracle's, in all */
	uint64_t distinct;   /* pcs at frame 0 */
	uint64_t lost_diffs; /* no row left */
	uint64_t n_diffs, n_modules;
	char program[256]; /* its executable */
	struct record_module module[RECORD_MODULES];
	struct record_diff diff[RECORD_DIFFS];
};

/* Makes $UW_OUT.PID; NULL when that can't be. */
struct record *record_open(void);
/* True when a is b, frame by frame, or both ran into their limit. */
bool record_compare(struct record *r, const struct both_stack *ours,
		    const struct both_stack *theirs, unsigned *at);
void record_diff(struct record *r, const struct both_stack *ours, const struct both_stack *theirs,
		 unsigned at, unsigned truth);
void record_pc(struct record *r, uintptr_t pc);

#endif
