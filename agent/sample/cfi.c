/* SPDX-License-Identifier: MIT */
/*
 * cfi.c - reads a module's call-frame tables in place
 *
 * Context  HOST, SIGNAL
 * Calls    cfi_run.c; peek.h when careful.
 * Holds    Every read lies in [cfi_lo, cfi_hi), the readable segment the tables
 *          are in.
 * Why      The tables of all loaded libraries are already in memory, sorted for
 *          the C++ runtime: a binary search and some forty bytes of opcodes per
 *          new address are cheaper than any table we could build, start or no
 *          start. State is a few hundred bytes of stack.
 */
#include "cfi.h"

#include "../rt/leb.h"
#include "cfi_run.h"
#include "peek.h"

#define CAREFUL_FDE   512
#define CAREFUL_CIE   96
#define TABLE_ENTRY   8
#define NO_CIE_LENGTH 0xffffffffU /* announces 64-bit tables; nobody emits them */

/* A length-prefixed entry: its body, and how far the bytes were moved from
 * where they belong (0 unless they were copied). */
struct entry {
	struct cp_leb in;
	uintptr_t moved;
};

static bool in_tables(const struct cp_module *m, uintptr_t p, size_t n)
{
	return p >= m->cfi_lo && p <= m->cfi_hi && m->cfi_hi - p >= n;
}

static bool fetch(void *to, uintptr_t from, size_t n, bool careful)
{
	if (CP_UNLIKELY(careful))
		return cp_peek(to, from, n);
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

/* Where its code begins, and where it is. */
struct indexed {
	uintptr_t start, entry;
};

/* False when no entry begins at or before key. The header must be of the one shape
 * every linker writes (01 xb 03 3b): a table of 32-bit offsets from its own place. */
static bool hdr_search(const struct cp_module *m, uintptr_t key, bool careful,
		       struct indexed *found)
{
	uintptr_t hdr = m->eh_frame_hdr, table = hdr + 12;
	uint32_t head[3], base = 0, n;
	int64_t far = (int64_t)(key - hdr);
	int32_t at[2];

	if (!hdr || !in_tables(m, hdr, 12) || far != (int32_t)far || !fetch(head, hdr, 12, careful))
		return false;
	if ((head[0] & 0xffff07ff) != 0x3b030301)
		return false;
	n = head[2];
	if (n == 0 || !in_tables(m, table, (size_t)n * TABLE_ENTRY))
		return false;
	while (n > 1) {
		uint32_t half = n / 2;

		base += entry_start(table, base + half, careful) <= far ? half : 0;
		n -= half;
	}
	if (!fetch(at, table + (uintptr_t)base * TABLE_ENTRY, sizeof(at), careful) || at[0] > far)
		return false;
	found->start = hdr + (uintptr_t)(intptr_t)at[0];
	found->entry = hdr + (uintptr_t)(intptr_t)at[1];
	return true;
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
static bool cie_augmentation(struct cp_cie *c, const char *aug, struct cp_leb *in)
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
			cp_leb_encoded(in, cp_leb_u8(in) & 0x0f, 0);
		else if (*aug != 'B' && *aug != 'G')
			break; /* unknown: the length still tells where it ends */
	}
	in->p = end;
	return !in->bad;
}

static bool cie_parse(struct cp_cie *c, struct cp_leb in)
{
	const char *aug;
	uint8_t version;

	*c = (struct cp_cie){.encoding = 0};
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

/* --- both together ---------------------------------------------------- */

static enum cp_cfi_result run_both(struct cp_machine *mc, const struct cp_cie *cie,
				   struct cp_leb fde, uintptr_t start)
{
	struct cp_row initial;
	bool good;

	memset(mc->row, 0, sizeof(*mc->row));
	mc->row->signal = cie->signal;
	mc->row->tables = (const uint8_t *)mc->m->cfi_lo;
	mc->row->cfa_reg = CP_CPU_SP;
	mc->loc = 0;
	if (!cp_cfi_run(mc, cie->ops))
		return CP_CFI_BAD;
	initial = *mc->row;
	mc->initial = &initial;
	mc->loc = start;
	good = cp_cfi_run(mc, fde);
	mc->initial = NULL;
	return good ? CP_CFI_OK : CP_CFI_BAD;
}

/* fde_copy and cie_copy: where to copy to, when careful; else NULL. */
CP_INLINE enum cp_cfi_result find(const struct cp_module *m, uintptr_t key, struct cp_row *row,
				  uint8_t *fde_copy, uint8_t *cie_copy)
{
	bool careful = fde_copy != NULL;
	uintptr_t start, size;
	struct indexed at;
	struct cp_machine mc;
	struct entry fde, ce;
	struct cp_cie cie;
	uint32_t back;

	if (!hdr_search(m, key, careful, &at))
		return CP_CFI_NONE;
	if (!entry_open(&fde, m, at.entry, careful, fde_copy, CAREFUL_FDE))
		return CP_CFI_BAD;
	back = (uint32_t)cp_leb_fixed(&fde.in, 4);
	if (!entry_open(&ce, m, at.entry + 4 - back, careful, cie_copy, CAREFUL_CIE) ||
	    !cie_parse(&cie, ce.in))
		return CP_CFI_BAD;
	start = cp_leb_encoded(&fde.in, cie.encoding, fde.moved);
	size = cp_leb_encoded(&fde.in, cie.encoding & 0x0f, 0);
	if (key - start >= size)
		return CP_CFI_NONE;
	if (cie.augmented)
		cp_leb_skip_block(&fde.in);
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

bool cp_cfi_begins(const struct cp_module *m, uintptr_t pc, bool careful)
{
	struct indexed at;

	return hdr_search(m, pc, careful, &at) && at.start == pc;
}
