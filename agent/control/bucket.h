/* SPDX-License-Identifier: MIT */
/*
 * bucket.h - what a bucket says beside its stack
 *
 * Context  CONTROL: pure but for the label table
 */
#ifndef CP_CONTROL_BUCKET_H
#define CP_CONTROL_BUCKET_H

#include "../sample/labels.h"
#include "profiles.h"
#include "state.h"

/* Each pair of a set takes four bytes at least; then the size class, the state, the lock. */
#define CP_BUCKET_LABELS (CP_LABEL_BYTES / 4 + 3)

/* Has it nothing to show? */
bool cp_bucket_is_zero(const struct cp_bucket *b);
/* label: CP_BUCKET_LABELS; state: CP_STATE_TEXT bytes they may point into. lock: its name, or
 * NULL. How many. */
unsigned cp_bucket_labels(const struct cp_bucket *b, struct cp_pprof_label *label, char *state,
			  const char *lock);

#endif
