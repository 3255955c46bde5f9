/* SPDX-License-Identifier: MIT */
/*
 * contend_kit.h - what the tests of waits have in common
 *
 * Context  TEST
 */
#ifndef CP_TEST_CONTEND_KIT_H
#define CP_TEST_CONTEND_KIT_H

#include "../../agent/probe.h"
#include "../../agent/sample/contend.h"

#define LOCK 0x7f0000001000UL

/* A call of the function it stands in. */
#define CALL_HERE() ((struct cp_call){(uintptr_t)sum, CP_CALLER_SP()})

/* Of all a profile has. */
static struct cp_contend_row sum(enum cp_contend which)
{
	struct cp_contend_row row, all = {0};
	struct cp_contend_counts now;

	for (uint32_t i = 0; i < cp_contend_cells(which); i++) {
		cp_contend_read(which, i, &now);
		cp_contend_row(which, i, NULL, &now, &row);
		all.contentions += row.contentions;
		all.delay += row.delay;
	}
	return all;
}

#endif
