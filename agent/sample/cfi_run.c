/* SPDX-License-Identifier: MIT */
/*
 * cfi_run.c - runs the opcodes of call-frame tables
 *
 * Context  HOST, SIGNAL
 * Calls    nothing.
 * Holds    At most OPS_MAX operations per look-up, SAVED_MAX remembered rows.
 * Fails    An opcode that isn't known, or more of them: false, and the row is void.
 */
#include "cfi_run.h"

#define OPS_MAX 65536 /* a large function of gcc's needs 13,361 */

enum { /* the opcodes; the three with an operand inside come by their top bits */
       DW_ADVANCE = 0x40,
       DW_OFFSET = 0x80,
       DW_RESTORE = 0xc0,
       DW_NOP = 0,
       DW_SET_LOC,
       DW_ADVANCE1,
       DW_ADVANCE2,
       DW_ADVANCE4,
       DW_OFFSET_EXTENDED,
       DW_RESTORE_EXTENDED,
       DW_UNDEFINED,
       DW_SAME_VALUE,
       DW_REGISTER,
       DW_REMEMBER,
       DW_RESTORE_STATE,
       DW_DEF_CFA,
       DW_DEF_CFA_REGISTER,
       DW_DEF_CFA_OFFSET,
       DW_DEF_CFA_EXPR,
       DW_EXPR,
       DW_OFFSET_EXTENDED_SF,
       DW_DEF_CFA_SF,
       DW_DEF_CFA_OFFSET_SF,
       DW_VAL_OFFSET,
       DW_VAL_OFFSET_SF,
       DW_VAL_EXPR,
       DW_AARCH64_NEGATE_RA_STATE_PC = 0x2c,
       DW_AARCH64_NEGATE_RA_STATE = 0x2d,
       DW_GNU_ARGS_SIZE = 0x2e,
       DW_GNU_NEGATIVE_OFFSET = 0x2f,
};
/* Not understood: whatever comes, cp_cfi_run will say false. */
static void fail(struct cp_machine *mc)
{
	mc->ops = OPS_MAX + 1;
}

/* What the tables say times what they count in; nonsense may wrap around. */
static int64_t scaled(const struct cp_machine *mc, uint64_t v)
{
	return (int64_t)(v * (uint64_t)mc->cie->data_align);
}

/* Columns we don't follow (vector registers) are read over. */
static void set(struct cp_machine *mc, uint64_t reg, enum cp_cfi_how how, int64_t off)
{
	if (reg >= CP_CPU_REGS)
		return;
	mc->row->how[reg] = (uint8_t)how;
	mc->row->off[reg] = (int32_t)off;
	if (off != (int32_t)off)
		fail(mc);
}

static void set_expr(struct cp_machine *mc, struct cp_leb *in, uint64_t reg, enum cp_cfi_how how)
{
	int64_t at = (int64_t)((uintptr_t)in->p - mc->m->cfi_lo);

	cp_leb_skip_block(in);
	/* A copy is gone before its expressions could be run. */
	set(mc, reg, how, mc->moved ? INT64_MAX : at);
}

static void set_cfa_expr(struct cp_machine *mc, struct cp_leb *in)
{
	const uint8_t *at = in->p;

	cp_leb_skip_block(in);
	in->bad |= mc->moved != 0;
	mc->row->cfa_expr = at;
}

static void set_cfa(struct cp_machine *mc, uint64_t reg, int64_t off)
{
	if (reg >= CP_CPU_REGS)
		fail(mc);
	else
		mc->row->cfa_reg = (uint8_t)reg;
	mc->row->cfa_off = off;
	mc->row->cfa_expr = NULL;
}

static void restore(struct cp_machine *mc, uint64_t reg)
{
	if (reg >= CP_CPU_REGS)
		return;
	if (!mc->initial) {
		fail(mc);
		return;
	}
	mc->row->how[reg] = mc->initial->how[reg];
	mc->row->off[reg] = mc->initial->off[reg];
}

static void remember(struct cp_machine *mc)
{
	if (mc->depth == CP_CFI_SAVED_MAX)
		fail(mc);
	else
		mc->saved[mc->depth++] = *mc->row;
}

static void recall(struct cp_machine *mc)
{
	bool signal = mc->row->signal;

	if (mc->depth == 0) {
		fail(mc);
		return;
	}
	*mc->row = mc->saved[--mc->depth];
	mc->row->signal = signal;
}

/* The opcodes that say what the frame address is. */
static bool run_cfa(struct cp_machine *mc, struct cp_leb *in, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_DEF_CFA:
		reg = cp_leb_u(in);
		set_cfa(mc, reg, (int64_t)cp_leb_u(in));
		return true;
	case DW_DEF_CFA_SF:
		reg = cp_leb_u(in);
		set_cfa(mc, reg, scaled(mc, (uint64_t)cp_leb_s(in)));
		return true;
	case DW_DEF_CFA_REGISTER:
		set_cfa(mc, cp_leb_u(in), mc->row->cfa_off);
		return true;
	case DW_DEF_CFA_OFFSET:
		mc->row->cfa_off = (int64_t)cp_leb_u(in);
		return true;
	case DW_DEF_CFA_OFFSET_SF:
		mc->row->cfa_off = scaled(mc, (uint64_t)cp_leb_s(in));
		return true;
	case DW_DEF_CFA_EXPR:
		set_cfa_expr(mc, in);
		return true;
	default:
		return false;
	}
}

/* The opcodes that say where a register is: first which, then, for most, where. */
static bool run_register(struct cp_machine *mc, struct cp_leb *in, uint8_t op)
{
	uint64_t reg = cp_leb_u(in);

	switch (op) {
	case DW_EXPR:
		set_expr(mc, in, reg, CP_HOW_EXPR);
		return true;
	case DW_VAL_EXPR:
		set_expr(mc, in, reg, CP_HOW_VAL_EXPR);
		return true;
	case DW_OFFSET_EXTENDED:
		set(mc, reg, CP_HOW_OFFSET, scaled(mc, cp_leb_u(in)));
		return true;
	case DW_OFFSET_EXTENDED_SF:
		set(mc, reg, CP_HOW_OFFSET, scaled(mc, (uint64_t)cp_leb_s(in)));
		return true;
	case DW_GNU_NEGATIVE_OFFSET:
		set(mc, reg, CP_HOW_OFFSET, scaled(mc, -cp_leb_u(in)));
		return true;
	case DW_VAL_OFFSET:
		set(mc, reg, CP_HOW_VAL_OFFSET, scaled(mc, cp_leb_u(in)));
		return true;
	case DW_VAL_OFFSET_SF:
		set(mc, reg, CP_HOW_VAL_OFFSET, scaled(mc, (uint64_t)cp_leb_s(in)));
		return true;
	case DW_REGISTER:
		set(mc, reg, CP_HOW_REGISTER, (int64_t)cp_leb_u(in));
		return true;
	case DW_UNDEFINED:
		set(mc, reg, CP_HOW_UNDEFINED, 0);
		return true;
	case DW_SAME_VALUE:
		set(mc, reg, CP_HOW_SAME, 0);
		return true;
	case DW_RESTORE_EXTENDED:
		restore(mc, reg);
		return true;
	default:
		return false;
	}
}

/* The opcodes that move on, and those about whole rows. */
static bool run_row(struct cp_machine *mc, struct cp_leb *in, uint8_t op)
{
	switch (op) {
	case DW_NOP:
		return true;
	case DW_SET_LOC:
		mc->loc = cp_leb_encoded(in, mc->cie->encoding, mc->moved);
		return true;
	case DW_ADVANCE1:
		mc->loc += cp_leb_fixed(in, 1) * mc->cie->code_align;
		return true;
	case DW_ADVANCE2:
		mc->loc += cp_leb_fixed(in, 2) * mc->cie->code_align;
		return true;
	case DW_ADVANCE4:
		mc->loc += cp_leb_fixed(in, 4) * mc->cie->code_align;
		return true;
	case DW_REMEMBER:
		remember(mc);
		return true;
	case DW_RESTORE_STATE:
		recall(mc);
		return true;
	case DW_GNU_ARGS_SIZE:
		cp_leb_u(in);
		return true;
	case DW_AARCH64_NEGATE_RA_STATE:
	case DW_AARCH64_NEGATE_RA_STATE_PC:
		/* Return addresses are stripped of their signature wherever read; on
		 * x86-64 nobody emits these. */
		return true;
	default:
		return false;
	}
}

static bool run_any(struct cp_machine *mc, struct cp_leb *in, uint8_t op)
{
	return run_cfa(mc, in, op) || run_row(mc, in, op) || run_register(mc, in, op);
}

bool cp_cfi_run(struct cp_machine *mc, struct cp_leb in)
{
	while (in.p < in.end && mc->loc <= mc->key) {
		uint8_t op = *in.p++, low = op & 0x3f;

		if (++mc->ops > OPS_MAX)
			return false;
		switch (op & 0xc0) {
		case DW_ADVANCE:
			mc->loc += low * mc->cie->code_align;
			break;
		case DW_OFFSET:
			set(mc, low, CP_HOW_OFFSET, scaled(mc, cp_leb_u(&in)));
			break;
		case DW_RESTORE:
			restore(mc, low);
			break;
		default:
			if (!run_any(mc, &in, op))
				return false;
		}
	}
	return !in.bad && mc->ops <= OPS_MAX;
}
