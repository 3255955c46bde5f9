/* SPDX-License-Identifier: MIT */
/*
 * peek.c - which of two ways memory that may not be there is copied
 *
 * Context  HOST, SIGNAL: cp_peek_choose      ANY: cp_peek_by_probes
 * Calls    filter.h.
 * Shared   cp_peek_way: from unsure by CAS, so that who shuts the process in has the last word.
 *          Relaxed: he does so before he does it.
 */
#include "peek.h"

#include "../rt/filter.h"

uint32_t cp_peek_way CP_WARM;

void cp_peek_by_probes(void)
{
	cp_store_rlx(&cp_peek_way, (uint32_t)CP_PEEK_PROBES);
}

/* Whoever started us may have shut us in. Opening files he allowed, or ld.so would not
 * have come this far. */
void cp_peek_choose(void)
{
	uint32_t way = CP_PEEK_UNSURE;

	if (cp_load_rlx(&cp_peek_way) != CP_PEEK_UNSURE)
		return;
	(void)cp_cas_rlx(&cp_peek_way, &way,
			 (uint32_t)(cp_filtered() ? CP_PEEK_PROBES : CP_PEEK_COPIES));
}
