/* SPDX-License-Identifier: MIT */
/*
 * profile_head.h - types, times and comments of two profiles made one
 *
 * Context  pure code, as profile.h.
 */
#ifndef CP_OUTPUT_PROFILE_HEAD_H
#define CP_OUTPUT_PROFILE_HEAD_H

#include "profile.h"

/* NULL when a and b measure the same; else a sentence that names both. */
const char *cp_profile_head_differ(const struct cp_profile *a, const struct cp_profile *b,
				   const struct cp_alloc *mem);
/* The head of a + factor * b; b may be NULL. False: no memory. */
bool cp_profile_head_merge(struct cp_pprof_head *out, const struct cp_profile *a,
			   const struct cp_profile *b, int64_t factor, const struct cp_alloc *mem);

#endif
