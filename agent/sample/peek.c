/* SPDX-License-Identifier: MIT */
/*
 * peek.c - which of two ways memory that may not be there is copied
 *
 * Context  EARLY: cp_peek_init      ANY: cp_peek_by_probes
 * Calls    filter.h.
 * Shared   cp_peek_probes (relaxed: whoever shuts the process in sets it before).
 */
#include "peek.h"

#include "../rt/filter.h"

bool cp_peek_probes CP_WARM;

void cp_peek_by_probes(void)
{
	cp_store_rlx(&cp_peek_probes, true);
}

/* Whoever started us may have shut us in. Opening files it allowed, or ld.so would not
 * have come this far. */
void cp_peek_init(void)
{
	if (cp_filtered_at_start())
		cp_peek_by_probes();
}
