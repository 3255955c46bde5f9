/* SPDX-License-Identifier: MIT */
/*
 * text.h - a profile as text: what ?debug=1 answers
 *
 * Context  CONTROL; the caller holds cp_exclusive (exclusive.h)
 */
#ifndef CP_CONTROL_TEXT_H
#define CP_CONTROL_TEXT_H

#include "out.h"
#include "profiles.h"

/* empty: the profile is off, and has no samples. 0 or -errno. */
int cp_text_write(struct cp_out *o, struct cp_arena *job, const struct cp_profile_row *row,
		  bool empty);

#endif
