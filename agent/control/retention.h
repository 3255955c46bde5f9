/* SPDX-License-Identifier: MIT */
/*
 * retention.h - keeps a directory within CPROF_KEEP and CPROF_MAX_BYTES
 *
 * Context  CONTROL
 * Holds    Only files with this program's name are touched, and never those of the
 *          newest snapshot.
 */
#ifndef CP_CONTROL_RETENTION_H
#define CP_CONTROL_RETENTION_H

#include "../rt/mem.h"
#include "dir.h"

/* Removes the oldest snapshots until both bounds hold, and temporary files that
 * nobody writes any more. */
void cp_retention_apply(struct cp_arena *job, const struct cp_dir *dir, uint64_t keep,
			uint64_t max_bytes);

#endif
