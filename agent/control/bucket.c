/* SPDX-License-Identifier: MIT */
/*
 * bucket.c - what a bucket says beside its stack
 *
 * Context  CONTROL
 * Calls    the label table, state.c.
 */
#include "bucket.h"

#include <string.h>

bool cp_bucket_is_zero(const struct cp_bucket *b)
{
	int64_t any = 0;

	for (unsigned c = 0; c < CP_PROFILE_COLUMNS; c++)
		any |= b->value[c];
	return !any;
}

unsigned cp_bucket_labels(const struct cp_bucket *b, struct cp_pprof_label *label, char *state,
			  const char *lock)
{
	const struct cp_label_set *set = cp_label_get(b->label);
	const char *at = set ? set->text : NULL, *end = set ? at + set->len : NULL;
	unsigned n = 0;

	if (b->size_class)
		label[n++] = (struct cp_pprof_label){.key = "bytes", .num = (int64_t)b->size_class};
	if (b->state)
		label[n++] = (struct cp_pprof_label){.key = "state",
						     .str = cp_state_text(b->state, state)};
	if (lock)
		label[n++] = (struct cp_pprof_label){.key = "lock", .str = lock};
	while (at < end && n < CP_BUCKET_LABELS) {
		const char *value = at + strlen(at) + 1;

		label[n++] = (struct cp_pprof_label){.key = at, .str = value};
		at = value + strlen(value) + 1;
	}
	return n;
}
