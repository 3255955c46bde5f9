/* SPDX-License-Identifier: MIT */
/*
 * cfi_run.h - runs the opcodes of call-frame tables, up to one address
 *
 * Context  HOST, SIGNAL: pure; bounded work.
 */
#ifndef CP_SAMPLE_CFI_RUN_H
#define CP_SAMPLE_CFI_RUN_H

#include "../rt/leb.h"
#include "cfi.h"

#define CP_CFI_SAVED_MAX 4

/* What entries have in common. */
struct cp_cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;
	bool augmented, signal;
	struct cp_leb ops;
};

struct cp_machine {
	uintptr_t key, loc;
	const struct cp_cie *cie;
	const struct cp_module *m;
	uintptr_t moved; /* how far the bytes were moved from their place, by copying */
	struct cp_row *row;
	const struct cp_row *initial; /* what a restore goes back to; NULL in the CIE */
	unsigned ops, depth;	      /* done so far; rows in saved[] */
	struct cp_row saved[CP_CFI_SAVED_MAX];
};

/* Runs until a row beyond key begins. False: not understood, or too long. */
bool cp_cfi_run(struct cp_machine *mc, struct cp_leb in);

#endif
