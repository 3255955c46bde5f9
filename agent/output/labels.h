/* SPDX-License-Identifier: MIT */
/*
 * labels.h - the one order in which a sample's labels stand
 *
 * Context  pure code.
 * Holds    Label sets that mean the same are equal element by element once
 *          sorted, so they can be compared and fingerprinted.
 */
#ifndef CP_OUTPUT_LABELS_H
#define CP_OUTPUT_LABELS_H

#include "pprof.h"

/* < 0, 0, > 0: by key, then text before numbers, then value, then unit. */
int cp_labels_compare(const struct cp_pprof_label *a, const struct cp_pprof_label *b);
void cp_labels_sort(struct cp_pprof_label *label, size_t n);

#endif
