/* SPDX-License-Identifier: MIT */
/*
 * cfi.h - reads a module's call-frame tables in place: from an address to the
 * row of rules that holds there
 *
 * Context  HOST, SIGNAL, inside the cold section of unload.h: pure reads of the
 *          module's tables, each within [cfi_lo, cfi_hi); bounded work.
 * Fails    CP_CFI_NONE: the tables don't speak of this address. CP_CFI_BAD:
 *          they do, in a way we don't understand.
 */
#ifndef CP_SAMPLE_CFI_H
#define CP_SAMPLE_CFI_H

#include "../rt/base.h"
#include "cpu.h"
#include "module.h"

enum cp_cfi_result { CP_CFI_OK, CP_CFI_NONE, CP_CFI_BAD };

/* How a caller's register is found; the value in off[] is ... */
enum cp_cfi_how {
	CP_HOW_SAME = 0,   /* unchanged (or nothing was said) */
	CP_HOW_UNDEFINED,  /* lost; for the return address: the stack ends here */
	CP_HOW_OFFSET,	   /* at CFA + off */
	CP_HOW_VAL_OFFSET, /* is CFA + off */
	CP_HOW_REGISTER,   /* in register off */
	CP_HOW_EXPR,	   /* at the address the expression at tables + off gives */
	CP_HOW_VAL_EXPR,   /* is what that expression gives */
};

struct cp_row {
	int64_t cfa_off;
	const uint8_t *cfa_expr; /* not NULL: CFA is what this gives; else ... */
	const uint8_t *tables;	 /* what expressions' offsets count from */
	uint8_t cfa_reg;	 /* ... this register + cfa_off */
	bool signal;		 /* this is a signal frame: the pc above is exact */
	uint8_t how[CP_CPU_REGS];
	int32_t off[CP_CPU_REGS];
};

/* careful: the module may go away this very moment; copy before looking. */
enum cp_cfi_result cp_cfi_find(const struct cp_module *m, uintptr_t key, bool careful,
			       struct cp_row *row);
/* Is pc the first address that an entry of the tables speaks of? */
bool cp_cfi_begins(const struct cp_module *m, uintptr_t pc, bool careful);

#endif
