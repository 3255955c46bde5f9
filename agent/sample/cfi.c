/* SPDX-License-Identifier: MIT */
/*
 * cfi.c - reads a module's call-frame tables in place
 *
 * Context  HOST, SIGNAL
 * Calls    nothing but memcpy (and process_vm_readv when careful).
 * Holds    Every read lies in [cfi_lo, cfi_hi), the readable segment the tables
 *          are in; at most OPS_MAX operations per look-up.
 * Why      The tables of all loaded libraries are already in memory, sorted for
 *          the C++ runtime: a binary search and some forty bytes of opcodes per
 *          new address are cheaper than any table we could build, start or no
 *          start. State is a few hundred bytes of stack.
 */
#include "cfi.h"

#include "leb.h"

#define OPS_MAX	      4096
#define SAVED_MAX     4
#define CAREFUL_FDE   512
#define CAREFUL_CIE   96
#define TABLE_ENTRY   8
#define NO_CIE_LENGTH 0xffffffffU /* announces 64-bit tables; nobody emits them */

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

/* A length-prefixed entry: its body, and how far the bytes were moved from
 * where they belong (0 unless they were copied). */
struct entry {
	struct cp_leb in;
	uintptr_t moved;
};

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;
	bool augmented, signal;
	struct cp_leb ops;
};

struct machine {
	uintptr_t key, loc;
	const struct cie *cie;
	const struct cp_module *m;
	uintptr_t moved;
	struct cp_row *row;
	const struct cp_row *initial; /* what DW_RESTORE goes back to; NULL in the CIE */
	unsigned ops, depth;
	struct cp_row saved[SAVED_MAX];
};

static bool in_tables(const struct cp_module *m, uintptr_t p, size_t n)
{
	return p >= m->cfi_lo && p <= m->cfi_hi && m->cfi_hi - p >= n;
}

static bool fetch(void *to, uintptr_t from, size_t n, bool careful)
{
	if (CP_UNLIKELY(careful))
		return cp_sys_copy(to, from, n) == (long)n;
	memcpy(to, (const void *)from, n);
	return true;
}

/* --- .eh_frame_hdr: which entry covers key? --------------------------- */

static int32_t entry_start(uintptr_t table, uint32_t i, bool careful)
{
	int32_t v = 0;

	fetch(&v, table + (uintptr_t)i * TABLE_ENTRY, sizeof(v), careful);
	return v;
}

/* 0 when no entry begins at or before key. The header must be of the one shape
 * every linker writes (01 xb 03 3b): a table of 32-bit offsets from its own place. */
static uintptr_t hdr_search(const struct cp_module *m, uintptr_t key, bool careful)
{
	uintptr_t hdr = m->eh_frame_hdr, table = hdr + 12;
	uint32_t head[3], base = 0, n;
	int64_t far = (int64_t)(key - hdr);
	int32_t at[2];

	if (!in_tables(m, hdr, 12) || far != (int32_t)far || !fetch(head, hdr, 12, careful))
		return 0;
	if ((head[0] & 0xffff07ff) != 0x3b030301)
		return 0;
	n = head[2];
	if (n == 0 || !in_tables(m, table, (size_t)n * TABLE_ENTRY))
		return 0;
	while (n > 1) {
		uint32_t half = n / 2;

		base += entry_start(table, base + half, careful) <= far ? half : 0;
		n -= half;
	}
	if (!fetch(at, table + (uintptr_t)base * TABLE_ENTRY, sizeof(at), careful) || at[0] > far)
		return 0;
	return hdr + (uintptr_t)(intptr_t)at[1];
}

/* --- entries ---------------------------------------------------------- */

/* Opens the entry at p. buf, of size cap, is used when careful only. */
static bool entry_open(struct entry *e, const struct cp_module *m, uintptr_t p, bool careful,
		       uint8_t *buf, size_t cap)
{
	uint32_t length;

	if (!in_tables(m, p, 4) || !fetch(&length, p, 4, careful))
		return false;
	p += 4;
	if (length == NO_CIE_LENGTH || length < 5 || !in_tables(m, p, length))
		return false;
	e->in = (struct cp_leb){(const uint8_t *)p, (const uint8_t *)p + length, false};
	e->moved = 0;
	if (CP_LIKELY(!careful))
		return true;
	if (length > cap || !fetch(buf, p, length, true))
		return false;
	e->in = (struct cp_leb){buf, buf + length, false};
	e->moved = p - (uintptr_t)buf;
	return true;
}

/* A pointer in one of DWARF's encodings; only those a linker writes for code. */
static uintptr_t encoded(struct cp_leb *in, uint8_t enc, uintptr_t moved)
{
	uintptr_t at = (uintptr_t)in->p + moved, v = 0;

	switch (enc & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		v = cp_leb_fixed(in, 8);
		break;
	case 0x02:
		v = cp_leb_fixed(in, 2);
		break;
	case 0x0a:
		v = (uintptr_t)(int16_t)cp_leb_fixed(in, 2);
		break;
	case 0x03:
		v = cp_leb_fixed(in, 4);
		break;
	case 0x0b:
		v = (uintptr_t)(int32_t)cp_leb_fixed(in, 4);
		break;
	default:
		in->bad = true;
	}
	if ((enc & 0x70) == 0x10)
		v += at;
	else if (enc & 0xf0) /* text-relative, indirect, ...: never for code */
		in->bad = true;
	return v;
}

static bool cie_augmentation(struct cie *c, const char *aug, struct cp_leb *in)
{
	uint64_t length;
	const uint8_t *end;

	if (*aug == 0)
		return true;
	if (*aug++ != 'z')
		return false;
	length = cp_leb_u(in);
	if (length > (size_t)(in->end - in->p))
		return false;
	end = in->p + length;
	c->augmented = true;
	for (; *aug; aug++) {
		if (*aug == 'R')
			c->encoding = cp_leb_u8(in);
		else if (*aug == 'S')
			c->signal = true;
		else if (*aug == 'L')
			cp_leb_u8(in);
		else if (*aug == 'P')
			/* Skipped by size: the personality may be indirect. */
			encoded(in, cp_leb_u8(in) & 0x0f, 0);
		else if (*aug != 'B' && *aug != 'G')
			break; /* unknown: the length still tells where it ends */
	}
	in->p = end;
	return !in->bad;
}

static bool cie_parse(struct cie *c, struct cp_leb in)
{
	const char *aug;
	uint8_t version;

	*c = (struct cie){.encoding = 0};
	if (cp_leb_fixed(&in, 4) != 0) /* the id that says CIE */
		return false;
	version = cp_leb_u8(&in);
	aug = (const char *)in.p;
	while (cp_leb_u8(&in))
		;
	if (in.bad || (version != 1 && version != 3))
		return false;
	c->code_align = cp_leb_u(&in);
	c->data_align = cp_leb_s(&in);
	if ((version == 1 ? cp_leb_u8(&in) : cp_leb_u(&in)) != CP_CPU_RA)
		return false;
	if (!cie_augmentation(c, aug, &in))
		return false;
	c->ops = in;
	return !in.bad;
}

/* --- the opcodes ------------------------------------------------------ */

/* A length and that many bytes. */
static void skip_block(struct cp_leb *in)
{
	uint64_t length = cp_leb_u(in);

	if (length > (size_t)(in->end - in->p))
		in->bad = true;
	else
		in->p += length;
}

/* Columns we don't follow (vector registers) are read over. */
static void set(struct machine *mc, uint64_t reg, enum cp_cfi_how how, int64_t off)
{
	if (reg >= CP_CPU_REGS)
		return;
	mc->row->how[reg] = (uint8_t)how;
	mc->row->off[reg] = (int32_t)off;
	if (off != (int32_t)off)
		mc->ops = OPS_MAX;
}

static void set_expr(struct machine *mc, struct cp_leb *in, enum cp_cfi_how how)
{
	uint64_t reg = cp_leb_u(in);
	int64_t at = (int64_t)((uintptr_t)in->p - mc->m->cfi_lo);

	skip_block(in);
	/* A copy is gone before its expressions could be run. */
	set(mc, reg, how, mc->moved ? INT64_MAX : at);
}

static void set_cfa_expr(struct machine *mc, struct cp_leb *in)
{
	const uint8_t *at = in->p;

	skip_block(in);
	in->bad |= mc->moved != 0;
	mc->row->cfa_expr = at;
}

static void set_cfa(struct machine *mc, uint64_t reg, int64_t off)
{
	if (reg >= CP_CPU_REGS)
		mc->ops = OPS_MAX;
	else
		mc->row->cfa_reg = (uint8_t)reg;
	mc->row->cfa_off = off;
	mc->row->cfa_expr = NULL;
}

static void restore(struct machine *mc, uint64_t reg)
{
	if (reg >= CP_CPU_REGS)
		return;
	if (!mc->initial) {
		mc->ops = OPS_MAX;
		return;
	}
	mc->row->how[reg] = mc->initial->how[reg];
	mc->row->off[reg] = mc->initial->off[reg];
}

static void remember(struct machine *mc)
{
	if (mc->depth == SAVED_MAX)
		mc->ops = OPS_MAX;
	else
		mc->saved[mc->depth++] = *mc->row;
}

static void recall(struct machine *mc)
{
	bool signal = mc->row->signal;

	if (mc->depth == 0) {
		mc->ops = OPS_MAX;
		return;
	}
	*mc->row = mc->saved[--mc->depth];
	mc->row->signal = signal;
}

/* The opcodes that say where a register, or the frame address, is. */
static bool run_rule(struct machine *mc, struct cp_leb *in, uint8_t op)
{
	int64_t data = mc->cie->data_align;
	uint64_t reg;

	switch (op) {
	case DW_DEF_CFA:
		reg = cp_leb_u(in);
		set_cfa(mc, reg, (int64_t)cp_leb_u(in));
		return true;
	case DW_DEF_CFA_SF:
		reg = cp_leb_u(in);
		set_cfa(mc, reg, cp_leb_s(in) * data);
		return true;
	case DW_DEF_CFA_REGISTER:
		set_cfa(mc, cp_leb_u(in), mc->row->cfa_off);
		return true;
	case DW_DEF_CFA_OFFSET:
		mc->row->cfa_off = (int64_t)cp_leb_u(in);
		return true;
	case DW_DEF_CFA_OFFSET_SF:
		mc->row->cfa_off = cp_leb_s(in) * data;
		return true;
	case DW_DEF_CFA_EXPR:
		set_cfa_expr(mc, in);
		return true;
	case DW_EXPR:
		set_expr(mc, in, CP_HOW_EXPR);
		return true;
	case DW_VAL_EXPR:
		set_expr(mc, in, CP_HOW_VAL_EXPR);
		return true;
	case DW_OFFSET_EXTENDED:
		reg = cp_leb_u(in);
		set(mc, reg, CP_HOW_OFFSET, (int64_t)cp_leb_u(in) * data);
		return true;
	case DW_OFFSET_EXTENDED_SF:
		reg = cp_leb_u(in);
		set(mc, reg, CP_HOW_OFFSET, cp_leb_s(in) * data);
		return true;
	case DW_GNU_NEGATIVE_OFFSET:
		reg = cp_leb_u(in);
		set(mc, reg, CP_HOW_OFFSET, -(int64_t)cp_leb_u(in) * data);
		return true;
	case DW_VAL_OFFSET:
		reg = cp_leb_u(in);
		set(mc, reg, CP_HOW_VAL_OFFSET, (int64_t)cp_leb_u(in) * data);
		return true;
	case DW_VAL_OFFSET_SF:
		reg = cp_leb_u(in);
		set(mc, reg, CP_HOW_VAL_OFFSET, cp_leb_s(in) * data);
		return true;
	case DW_UNDEFINED:
		set(mc, cp_leb_u(in), CP_HOW_UNDEFINED, 0);
		return true;
	case DW_SAME_VALUE:
		set(mc, cp_leb_u(in), CP_HOW_SAME, 0);
		return true;
	case DW_REGISTER:
		reg = cp_leb_u(in);
		set(mc, reg, CP_HOW_REGISTER, (int64_t)cp_leb_u(in));
		return true;
	default:
		return false;
	}
}

/* The opcodes that move on, and those about whole rows. */
static bool run_other(struct machine *mc, struct cp_leb *in, uint8_t op)
{
	switch (op) {
	case DW_NOP:
		return true;
	case DW_SET_LOC:
		mc->loc = encoded(in, mc->cie->encoding, mc->moved);
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
	case DW_RESTORE_EXTENDED:
		restore(mc, cp_leb_u(in));
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
		/* Return addresses are stripped of their signature wherever read. */
		return CP_CPU_HAS_LINK;
	default:
		return false;
	}
}

/* Runs until a row beyond key begins. False: not understood, or too long. */
static bool run(struct machine *mc, struct cp_leb in)
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
			set(mc, low, CP_HOW_OFFSET, (int64_t)cp_leb_u(&in) * mc->cie->data_align);
			break;
		case DW_RESTORE:
			restore(mc, low);
			break;
		default:
			if (!run_rule(mc, &in, op) && !run_other(mc, &in, op))
				return false;
		}
	}
	return !in.bad && mc->ops <= OPS_MAX;
}

static enum cp_cfi_result run_both(struct machine *mc, const struct cie *cie, struct cp_leb fde,
				   uintptr_t start)
{
	struct cp_row initial;
	bool good;

	memset(mc->row, 0, sizeof(*mc->row));
	mc->row->signal = cie->signal;
	mc->row->tables = (const uint8_t *)mc->m->cfi_lo;
	mc->row->cfa_reg = CP_CPU_SP;
	mc->loc = 0;
	if (!run(mc, cie->ops))
		return CP_CFI_BAD;
	initial = *mc->row;
	mc->initial = &initial;
	mc->loc = start;
	good = run(mc, fde);
	mc->initial = NULL;
	return good ? CP_CFI_OK : CP_CFI_BAD;
}

/* fde_copy and cie_copy: where to copy to, when careful; else NULL. */
CP_INLINE enum cp_cfi_result find(const struct cp_module *m, uintptr_t key, struct cp_row *row,
				  uint8_t *fde_copy, uint8_t *cie_copy)
{
	bool careful = fde_copy != NULL;
	uintptr_t at = m->eh_frame_hdr ? hdr_search(m, key, careful) : 0, start, size;
	struct machine mc;
	struct entry fde, ce;
	struct cie cie;
	uint32_t back;

	if (!at)
		return CP_CFI_NONE;
	if (!entry_open(&fde, m, at, careful, fde_copy, CAREFUL_FDE))
		return CP_CFI_BAD;
	back = (uint32_t)cp_leb_fixed(&fde.in, 4);
	if (!entry_open(&ce, m, at + 4 - back, careful, cie_copy, CAREFUL_CIE) ||
	    !cie_parse(&cie, ce.in))
		return CP_CFI_BAD;
	start = encoded(&fde.in, cie.encoding, fde.moved);
	size = encoded(&fde.in, cie.encoding & 0x0f, 0);
	if (key - start >= size)
		return CP_CFI_NONE;
	if (cie.augmented)
		skip_block(&fde.in);
	mc.key = key;
	mc.cie = &cie;
	mc.m = m;
	mc.moved = fde.moved;
	mc.row = row;
	mc.initial = NULL;
	mc.ops = mc.depth = 0;
	return run_both(&mc, &cie, fde.in, start);
}

CP_COLD static enum cp_cfi_result find_carefully(const struct cp_module *m, uintptr_t key,
						 struct cp_row *row)
{
	uint8_t fde_copy[CAREFUL_FDE], cie_copy[CAREFUL_CIE];

	return find(m, key, row, fde_copy, cie_copy);
}

enum cp_cfi_result cp_cfi_find(const struct cp_module *m, uintptr_t key, bool careful,
			       struct cp_row *row)
{
	if (CP_UNLIKELY(careful))
		return find_carefully(m, key, row);
	return find(m, key, row, NULL, NULL);
}
