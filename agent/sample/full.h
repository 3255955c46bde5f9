/* SPDX-License-Identifier: MIT */
/*
 * full.h - one step up the stack with every register followed
 *
 * Context  HOST, SIGNAL. Reads the tables each time: for the rare frames whose
 *          rule eight bytes can't hold.
 */
#ifndef CP_SAMPLE_FULL_H
#define CP_SAMPLE_FULL_H

#include "cpu.h"
#include "span.h"

enum cp_full_result {
	CP_FULL_OK,
	CP_FULL_END, /* this was the outermost frame */
	CP_FULL_NO_RULE,
	CP_FULL_BAD_RULE,
	CP_FULL_BAD_READ,
};

/* f becomes the caller's registers. *exact: f's pc is not a return address; set for
 * the caller in turn. */
enum cp_full_result cp_full_step(struct cp_full *f, bool *exact, uint64_t gen,
				 struct cp_span *span);

#endif
