/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - reads the profiles and writes them: one snapshot
 *
 * Context  CONTROL, one at a time
 */
#ifndef CP_CONTROL_SNAPSHOT_H
#define CP_CONTROL_SNAPSHOT_H

#include "window.h"

#define CP_SNAPSHOT_NONCES 64

struct cp_snapshot {
	uint32_t types;			/* bits 1 << enum cp_type; 0: all */
	const struct cp_window *window; /* NULL: totals */
	unsigned nnonces;
	uint32_t nonce[CP_SNAPSHOT_NONCES]; /* the requests it answers */
	bool last; /* at exit: no fsync; the files go in place only if may_finish says so */
	bool (*may_finish)(void);
};

/* One line on the log says what was written, or why nothing was. */
void cp_snapshot_take(const struct cp_snapshot *s);

#endif
