/* SPDX-License-Identifier: MIT */
/*
 * lines_unit.c - DWARF's units and entries, versions 2 to 5
 *
 * Context  cprof-lines; one thread
 * Holds    Each read is within its section; what does not add up ends the unit.
 * Fails    Forms that lead to another file (dwz, split units) set `unsupported`.
 */
#include "lines_unit.h"

#include "lines_codes.h"

#include <stdlib.h>

struct value {
	enum { NOTHING, NUMBER, ADDRESS, ADDRESS_INDEX, REFERENCE, STRING, RANGE_INDEX } kind;
	uint64_t n;
	const char *s;
};

struct cp_leb cp_dw_at(const struct cp_dw *d, enum cp_dw_section which, uint64_t offset)
{
	struct cp_leb b = d->section[which];

	cp_leb_take(&b, offset);
	return b;
}

static const char *string_at(const struct cp_dw *d, enum cp_dw_section which, uint64_t offset)
{
	struct cp_leb b = cp_dw_at(d, which, offset);

	return b.bad ? NULL : cp_leb_string(&b);
}

static const char *string_by_index(const struct cp_dw *d, const struct cp_dw_unit *u, uint64_t i)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_STR_OFFSETS, u->str_base + i * u->offset_size);
	uint64_t offset = cp_leb_fixed(&b, u->offset_size);

	return b.bad ? NULL : string_at(d, CP_DW_STR, offset);
}

uint64_t cp_dw_address(const struct cp_dw *d, const struct cp_dw_unit *u, uint64_t i)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_ADDR, u->addr_base + i * u->addr_size);

	return cp_leb_fixed(&b, u->addr_size);
}

/* --- abbreviations -------------------------------------------------------- */

static void skip_attributes(struct cp_leb *b)
{
	uint64_t name, form;

	do {
		name = cp_leb_u(b);
		form = cp_leb_u(b);
		if (form == DW_FORM_implicit_const)
			cp_leb_s(b);
	} while ((name || form) && !b->bad);
}

static bool add_abbrev(struct cp_dw *d, const struct cp_dw_abbrev *a)
{
	if (d->nabbrev == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 256;
		struct cp_dw_abbrev *more = realloc(d->abbrev, cap * sizeof(*more));

		if (!more)
			return false;
		d->abbrev = more;
		d->cap = cap;
	}
	d->abbrev[d->nabbrev++] = *a;
	return true;
}

static bool load_abbrevs(struct cp_dw *d, uint64_t offset)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_ABBREV, offset);

	if (d->has_abbrev && d->abbrev_offset == offset)
		return true;
	d->nabbrev = 0;
	d->has_abbrev = false;
	while (!b.bad) {
		struct cp_dw_abbrev a = {.code = cp_leb_u(&b)};

		if (!a.code)
			break;
		a.tag = cp_leb_u(&b);
		a.children = cp_leb_fixed(&b, 1) != 0;
		a.attributes = b.p;
		skip_attributes(&b);
		if (b.bad || !add_abbrev(d, &a))
			return false;
	}
	d->abbrev_offset = offset;
	d->has_abbrev = true;
	return true;
}

/* Compilers number them 1, 2, 3 …; others are searched for. */
static const struct cp_dw_abbrev *find_abbrev(const struct cp_dw *d, uint64_t code)
{
	if (code <= d->nabbrev && d->abbrev[code - 1].code == code)
		return &d->abbrev[code - 1];
	for (size_t i = 0; i < d->nabbrev; i++)
		if (d->abbrev[i].code == code)
			return &d->abbrev[i];
	return NULL;
}

/* --- attributes ----------------------------------------------------------- */

enum { ULEB = 0, OFFSET = 0xfe, ADDRESS_SIZE = 0xff }; /* beside plain sizes in bytes */

enum shape_kind {
	UNKNOWN,
	PLAIN,
	SIGNED,
	PRESENT,  /* a flag without bytes */
	CONSTANT, /* its value is the abbreviation's */
	ADDR,
	ADDRX,
	REF,	  /* within the unit */
	REF_ADDR, /* within the section */
	INLINE_STRING,
	STRP,
	LINE_STRP,
	STRX,
	RNGLISTX,
	BLOCK, /* size: that of its length */
	SKIPPED,
	OTHER_FILE,
	INDIRECT,
};

struct shape {
	uint8_t kind, size;
};

static const struct shape shapes[] = {
	[DW_FORM_addr] = {ADDR, ADDRESS_SIZE},
	[DW_FORM_block2] = {BLOCK, 2},
	[DW_FORM_block4] = {BLOCK, 4},
	[DW_FORM_data2] = {PLAIN, 2},
	[DW_FORM_data4] = {PLAIN, 4},
	[DW_FORM_data8] = {PLAIN, 8},
	[DW_FORM_string] = {INLINE_STRING, 0},
	[DW_FORM_block] = {BLOCK, ULEB},
	[DW_FORM_block1] = {BLOCK, 1},
	[DW_FORM_data1] = {PLAIN, 1},
	[DW_FORM_flag] = {PLAIN, 1},
	[DW_FORM_sdata] = {SIGNED, 0},
	[DW_FORM_strp] = {STRP, OFFSET},
	[DW_FORM_udata] = {PLAIN, ULEB},
	[DW_FORM_ref_addr] = {REF_ADDR, OFFSET},
	[DW_FORM_ref1] = {REF, 1},
	[DW_FORM_ref2] = {REF, 2},
	[DW_FORM_ref4] = {REF, 4},
	[DW_FORM_ref8] = {REF, 8},
	[DW_FORM_ref_udata] = {REF, ULEB},
	[DW_FORM_indirect] = {INDIRECT, ULEB},
	[DW_FORM_sec_offset] = {PLAIN, OFFSET},
	[DW_FORM_exprloc] = {BLOCK, ULEB},
	[DW_FORM_flag_present] = {PRESENT, 0},
	[DW_FORM_strx] = {STRX, ULEB},
	[DW_FORM_addrx] = {ADDRX, ULEB},
	[DW_FORM_strp_sup] = {OTHER_FILE, OFFSET},
	[DW_FORM_data16] = {SKIPPED, 16},
	[DW_FORM_line_strp] = {LINE_STRP, OFFSET},
	[DW_FORM_ref_sig8] = {SKIPPED, 8},
	[DW_FORM_implicit_const] = {CONSTANT, 0},
	[DW_FORM_loclistx] = {PLAIN, ULEB},
	[DW_FORM_rnglistx] = {RNGLISTX, ULEB},
	[DW_FORM_strx1] = {STRX, 1},
	[DW_FORM_strx2] = {STRX, 2},
	[DW_FORM_strx3] = {STRX, 3},
	[DW_FORM_strx4] = {STRX, 4},
	[DW_FORM_addrx1] = {ADDRX, 1},
	[DW_FORM_addrx2] = {ADDRX, 2},
	[DW_FORM_addrx3] = {ADDRX, 3},
	[DW_FORM_addrx4] = {ADDRX, 4},
};

static struct shape shape_of(uint64_t form)
{
	switch (form) {
	case DW_FORM_GNU_addr_index:
		return (struct shape){ADDRX, ULEB};
	case DW_FORM_GNU_str_index:
		return (struct shape){STRX, ULEB};
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return (struct shape){OTHER_FILE, OFFSET};
	default:
		return form < CP_ARRAY_LEN(shapes) ? shapes[form] : (struct shape){UNKNOWN, 0};
	}
}

static uint64_t read_size(const struct cp_dw_unit *u, struct cp_leb *b, uint8_t size)
{
	if (size == ULEB)
		return cp_leb_u(b);
	if (size == OFFSET)
		return cp_leb_fixed(b, u->offset_size);
	return cp_leb_fixed(b, size == ADDRESS_SIZE ? u->addr_size : size);
}

static struct value value(int kind, uint64_t n)
{
	return (struct value){kind, n, NULL};
}

static struct value string(const char *s)
{
	return (struct value){s ? STRING : NOTHING, 0, s};
}

static struct value skip(struct cp_leb *b, uint64_t n)
{
	cp_leb_take(b, n);
	return value(NOTHING, 0);
}

/* What a form's shape says is there. */
static struct value read_shape(struct cp_dw *d, const struct cp_dw_unit *u, struct cp_leb *b,
			       struct shape shape)
{
	switch (shape.kind) {
	case ADDR:
		return value(ADDRESS, read_size(u, b, shape.size));
	case ADDRX:
		return value(ADDRESS_INDEX, read_size(u, b, shape.size));
	case REF:
		return value(REFERENCE, u->start + read_size(u, b, shape.size));
	case REF_ADDR:
		return value(REFERENCE, read_size(u, b, u->version < 3 ? ADDRESS_SIZE : OFFSET));
	case INLINE_STRING:
		return string(cp_leb_string(b));
	case STRP:
		return string(string_at(d, CP_DW_STR, read_size(u, b, OFFSET)));
	case LINE_STRP:
		return string(string_at(d, CP_DW_LINE_STR, read_size(u, b, OFFSET)));
	case STRX:
		return string(string_by_index(d, u, read_size(u, b, shape.size)));
	case RNGLISTX:
		return value(RANGE_INDEX, read_size(u, b, shape.size));
	case BLOCK:
		return skip(b, read_size(u, b, shape.size));
	case SKIPPED:
		return skip(b, shape.size);
	case OTHER_FILE:
		d->unsupported = true;
		return skip(b, u->offset_size);
	default:
		b->bad = d->unsupported = true;
		return value(NOTHING, 0);
	}
}

static struct value read_form(struct cp_dw *d, const struct cp_dw_unit *u, struct cp_leb *b,
			      uint64_t form, int64_t constant)
{
	struct shape shape = shape_of(form);

	if (shape.kind == INDIRECT) /* once: an indirect indirect is nonsense */
		shape = shape_of(cp_leb_u(b));
	switch (shape.kind) {
	case PLAIN:
		return value(NUMBER, read_size(u, b, shape.size));
	case SIGNED:
		return value(NUMBER, (uint64_t)cp_leb_s(b));
	case PRESENT:
		return value(NUMBER, 1);
	case CONSTANT:
		return value(NUMBER, (uint64_t)constant);
	default:
		return read_shape(d, u, b, shape);
	}
}

static uint64_t address_of(const struct cp_dw *d, const struct cp_dw_unit *u, struct value v)
{
	return v.kind == ADDRESS_INDEX ? cp_dw_address(d, u, v.n) : v.n;
}

static void take_attribute(struct cp_dw *d, const struct cp_dw_unit *u, struct cp_dw_entry *e,
			   uint64_t name, struct value v)
{
	switch (name) {
	case DW_AT_name:
		e->name = v.s;
		break;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		e->linkage_name = v.s;
		break;
	case DW_AT_low_pc:
		e->has_low = true;
		e->low = address_of(d, u, v);
		break;
	case DW_AT_high_pc:
		e->has_high = true;
		e->high_is_size = v.kind == NUMBER;
		e->high = address_of(d, u, v);
		break;
	case DW_AT_ranges:
		e->has_ranges = true;
		e->ranges_is_index = v.kind == RANGE_INDEX;
		e->ranges = v.n;
		break;
	case DW_AT_sibling:
		e->sibling = v.n;
		break;
	case DW_AT_abstract_origin:
	case DW_AT_specification:
		if (v.kind == REFERENCE)
			e->origin = v.n;
		break;
	case DW_AT_call_file:
		e->call_file = v.n;
		break;
	case DW_AT_call_line:
		e->call_line = v.n;
		break;
	default:
		break;
	}
}

static void take_unit_attribute(struct cp_dw_unit *u, uint64_t name, struct value v)
{
	switch (name) {
	case DW_AT_comp_dir:
		u->dir = v.s;
		break;
	case DW_AT_stmt_list:
		u->has_lines = true;
		u->line_offset = v.n;
		break;
	case DW_AT_str_offsets_base:
		u->str_base = v.n;
		break;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base:
		u->addr_base = v.n;
		break;
	case DW_AT_rnglists_base:
		u->rng_base = v.n;
		break;
	default:
		break;
	}
}

static bool read_entry(struct cp_dw *d, const struct cp_dw_unit *u, uint64_t offset,
		       struct cp_dw_entry *e, struct cp_dw_unit *root)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_INFO, offset);
	const struct cp_dw_abbrev *a;
	struct cp_leb spec;
	uint64_t code = cp_leb_u(&b);

	memset(e, 0, sizeof(*e));
	e->offset = offset;
	e->next = (uint64_t)(b.p - d->section[CP_DW_INFO].p);
	if (!code || b.bad)
		return !b.bad;
	a = find_abbrev(d, code);
	if (!a)
		return false;
	e->tag = a->tag;
	e->children = a->children;
	spec = (struct cp_leb){a->attributes, d->section[CP_DW_ABBREV].end, false};
	for (;;) {
		uint64_t name = cp_leb_u(&spec), form = cp_leb_u(&spec);
		int64_t constant = form == DW_FORM_implicit_const ? cp_leb_s(&spec) : 0;
		struct value v;

		if (!name && !form)
			break;
		v = read_form(d, u, &b, form, constant);
		if (b.bad || spec.bad)
			return false;
		take_attribute(d, u, e, name, v);
		if (root)
			take_unit_attribute(root, name, v);
	}
	e->next = (uint64_t)(b.p - d->section[CP_DW_INFO].p);
	return true;
}

bool cp_dw_entry_read(struct cp_dw *d, const struct cp_dw_unit *u, uint64_t offset,
		      struct cp_dw_entry *e)
{
	return offset < u->end && load_abbrevs(d, u->abbrev_offset) &&
	       read_entry(d, u, offset, e, NULL);
}

/* --- units ---------------------------------------------------------------- */

static bool read_header(struct cp_dw *d, uint64_t offset, struct cp_dw_unit *u)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_INFO, offset);
	uint64_t size = cp_leb_fixed(&b, 4);

	memset(u, 0, sizeof(*u));
	u->start = offset;
	u->offset_size = size == 0xffffffff ? 8 : 4;
	if (u->offset_size == 8)
		size = cp_leb_fixed(&b, 8);
	if (b.bad || size > (uint64_t)(b.end - b.p))
		return false;
	u->end = (uint64_t)(b.p - d->section[CP_DW_INFO].p) + size;
	u->version = (uint16_t)cp_leb_fixed(&b, 2);
	u->type = DW_UT_compile;
	if (u->version >= 5) {
		u->type = (uint8_t)cp_leb_fixed(&b, 1);
		u->addr_size = (uint8_t)cp_leb_fixed(&b, 1);
		u->abbrev_offset = cp_leb_fixed(&b, u->offset_size);
	} else {
		u->abbrev_offset = cp_leb_fixed(&b, u->offset_size);
		u->addr_size = (uint8_t)cp_leb_fixed(&b, 1);
	}
	if (u->type == DW_UT_skeleton || u->type == DW_UT_split_compile)
		d->unsupported = true;
	u->entries = (uint64_t)(b.p - d->section[CP_DW_INFO].p);
	return !b.bad && u->version >= 2 && u->version <= 5 && u->addr_size == 8;
}

bool cp_dw_unit_read(struct cp_dw *d, uint64_t offset, struct cp_dw_unit *u)
{
	struct cp_dw_entry root;

	if (!read_header(d, offset, u))
		return false;
	if (u->type != DW_UT_compile && u->type != DW_UT_partial)
		return true;
	/* Twice: the bases that the first attributes count from may come after them. */
	for (int pass = 0; pass < 2; pass++)
		if (!load_abbrevs(d, u->abbrev_offset) || !read_entry(d, u, u->entries, &root, u))
			return false;
	u->low = root.low;
	u->name = root.name;
	return true;
}

/* Headers only, once: references between units are many in what LTO made. */
static const uint64_t *find_units(struct cp_dw *d)
{
	struct cp_dw_unit u;
	uint64_t *unit = NULL;
	size_t cap = 0, n = 0;

	if (d->unit)
		return d->unit;
	for (uint64_t from = 0; read_header(d, from, &u); from = u.end) {
		if (n == cap) {
			uint64_t *more = realloc(unit, (cap = 2 * cap + 1024) * sizeof(*more));

			if (!more) {
				free(unit);
				return NULL;
			}
			unit = more;
		}
		unit[n++] = from;
	}
	d->unit = unit;
	d->nunits = n;
	return unit;
}

bool cp_dw_unit_of(struct cp_dw *d, uint64_t offset, struct cp_dw_unit *u)
{
	const uint64_t *unit = find_units(d);
	size_t lo = 0, hi;

	if (!unit)
		return false;
	hi = d->nunits;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (unit[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return cp_dw_unit_read(d, unit[lo], u) && offset < u->end;
}
