/* SPDX-License-Identifier: MIT */
/*
 * lines_table.c - DWARF's line tables: addresses to files and lines
 *
 * Context  cprof-lines; one thread
 * Holds    A row holds for the addresses up to the next row of its sequence. Of rows
 *          at one address the last is the one that counts.
 * Fails    A table that does not add up ends there: what was read before counts.
 */
#include "lines_unit.h"

#include "lines_codes.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MAX 16U

struct name {
	const char *path;
	uint64_t dir;
};

struct names {
	struct name *name;
	size_t n, cap;
};

struct cp_dw_table {
	struct cp_dw *d;
	const struct cp_dw_unit *u;
	struct names dirs, files;
	uint16_t version;
	uint8_t offset_size, min_length, line_range, opcode_base;
	int8_t line_base;
	const uint8_t *lengths; /* operands of the standard operations */
	struct cp_leb program;
};

static bool add_name(struct names *names, struct name name)
{
	if (names->n == names->cap) {
		size_t cap = names->cap ? 2 * names->cap : 32;
		struct name *more = realloc(names->name, cap * sizeof(*more));

		if (!more)
			return false;
		names->name = more;
		names->cap = cap;
	}
	names->name[names->n++] = name;
	return true;
}

/* Versions 2 to 4: number 0 is the unit's directory, and no file. */
static void old_names(struct cp_dw_table *t, struct cp_leb *b)
{
	const char *s;

	add_name(&t->dirs, (struct name){t->u->dir, 0});
	while ((s = cp_leb_string(b)) && *s)
		add_name(&t->dirs, (struct name){s, 0});
	add_name(&t->files, (struct name){t->u->name, 0});
	while ((s = cp_leb_string(b)) && *s) {
		struct name file = {s, cp_leb_u(b)};

		cp_leb_u(b); /* time */
		cp_leb_u(b); /* size */
		add_name(&t->files, file);
	}
}

static const char *section_string(struct cp_dw_table *t, enum cp_dw_section which, uint64_t offset)
{
	struct cp_leb b = cp_dw_at(t->d, which, offset);

	return b.bad ? NULL : cp_leb_string(&b);
}

/* The forms that a file table may use. */
static void read_column(struct cp_dw_table *t, struct cp_leb *b, uint64_t form, const char **s,
			uint64_t *n)
{
	switch (form) {
	case DW_FORM_string:
		*s = cp_leb_string(b);
		break;
	case DW_FORM_strp:
		*s = section_string(t, CP_DW_STR, cp_leb_fixed(b, t->offset_size));
		break;
	case DW_FORM_line_strp:
		*s = section_string(t, CP_DW_LINE_STR, cp_leb_fixed(b, t->offset_size));
		break;
	case DW_FORM_udata:
		*n = cp_leb_u(b);
		break;
	case DW_FORM_data1:
		*n = cp_leb_fixed(b, 1);
		break;
	case DW_FORM_data2:
		*n = cp_leb_fixed(b, 2);
		break;
	case DW_FORM_data4:
		*n = cp_leb_fixed(b, 4);
		break;
	case DW_FORM_data8:
		*n = cp_leb_fixed(b, 8);
		break;
	case DW_FORM_data16:
		cp_leb_take(b, 16);
		break;
	case DW_FORM_block:
		cp_leb_take(b, cp_leb_u(b));
		break;
	default:
		b->bad = true;
	}
}

static void new_names(struct cp_dw_table *t, struct cp_leb *b, struct names *names)
{
	uint64_t kind[COLUMNS_MAX] = {0}, form[COLUMNS_MAX] = {0}, count;
	unsigned columns = (unsigned)cp_leb_fixed(b, 1);

	for (unsigned i = 0; i < columns && !b->bad; i++) {
		kind[i % COLUMNS_MAX] = cp_leb_u(b);
		form[i % COLUMNS_MAX] = cp_leb_u(b);
	}
	count = cp_leb_u(b);
	if (columns > COLUMNS_MAX || (!columns && count))
		b->bad = true;
	for (uint64_t i = 0; i < count && !b->bad; i++) {
		struct name name = {NULL, 0};

		for (unsigned k = 0; k < columns; k++) {
			const char *s = NULL;
			uint64_t n = 0;

			read_column(t, b, form[k], &s, &n);
			if (kind[k] == DW_LNCT_path)
				name.path = s;
			else if (kind[k] == DW_LNCT_directory_index)
				name.dir = n;
		}
		add_name(names, name);
	}
}

static bool read_header(struct cp_dw_table *t)
{
	struct cp_leb b = cp_dw_at(t->d, CP_DW_LINE, t->u->line_offset);
	uint64_t size = cp_leb_fixed(&b, 4), names_size;
	const uint8_t *names;

	t->offset_size = size == 0xffffffff ? 8 : 4;
	if (t->offset_size == 8)
		size = cp_leb_fixed(&b, 8);
	if (b.bad || size > (uint64_t)(b.end - b.p))
		return false;
	b.end = b.p + size;
	t->version = (uint16_t)cp_leb_fixed(&b, 2);
	if (t->version >= 5)
		cp_leb_fixed(&b, 2); /* sizes of addresses and of selectors */
	names_size = cp_leb_fixed(&b, t->offset_size);
	names = b.p;
	t->min_length = (uint8_t)cp_leb_fixed(&b, 1);
	if (t->version >= 4)
		cp_leb_fixed(&b, 1); /* operations per instruction: VLIW only */
	cp_leb_fixed(&b, 1);	     /* is a statement by default */
	t->line_base = (int8_t)cp_leb_fixed(&b, 1);
	t->line_range = (uint8_t)cp_leb_fixed(&b, 1);
	t->opcode_base = (uint8_t)cp_leb_fixed(&b, 1);
	t->lengths = cp_leb_take(&b, t->opcode_base ? t->opcode_base - 1U : 0);
	if (b.bad || !t->line_range || !t->opcode_base || t->version < 2 || t->version > 5)
		return false;
	if (t->version >= 5) {
		new_names(t, &b, &t->dirs);
		new_names(t, &b, &t->files);
	} else {
		old_names(t, &b);
	}
	t->program = (struct cp_leb){names, b.end, false};
	cp_leb_take(&t->program, names_size);
	return !b.bad && !t->program.bad;
}

struct cp_dw_table *cp_dw_table_open(struct cp_dw *d, const struct cp_dw_unit *u)
{
	struct cp_dw_table *t = u->has_lines ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->d = d;
	t->u = u;
	if (read_header(t))
		return t;
	cp_dw_table_close(t);
	return NULL;
}

void cp_dw_table_close(struct cp_dw_table *t)
{
	if (!t)
		return;
	free(t->dirs.name);
	free(t->files.name);
	free(t);
}

/* dir / name, unless name is a whole path already. */
static char *join(const char *dir, const char *name)
{
	char *path;

	if (!dir || !*dir || name[0] == '/')
		return strdup(name);
	return asprintf(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name) < 0
		       ? NULL
		       : path;
}

char *cp_dw_table_file(struct cp_dw_table *t, uint64_t number)
{
	const struct name *file = number < t->files.n ? &t->files.name[number] : NULL;
	const char *dir;
	char *tail, *path;

	if (!file || !file->path)
		return NULL;
	dir = file->dir < t->dirs.n ? t->dirs.name[file->dir].path : NULL;
	tail = join(dir, file->path);
	path = tail ? join(t->u->dir, tail) : NULL;
	free(tail);
	return path;
}

/* --- the program ---------------------------------------------------------- */

struct state {
	uint64_t addr, file;
	int64_t line;
	/* The row before: it holds up to this one's address. */
	uint64_t row_addr, row_file;
	int64_t row_line;
	bool has_row;
};

struct answers {
	const uint64_t *addr;
	size_t n;
	struct cp_dw_row *row;
};

static void settle(const struct answers *a, const struct state *s)
{
	size_t lo = 0, hi = a->n;

	if (!s->has_row || s->row_addr >= s->addr || !s->row_addr)
		return; /* an empty row, or a sequence that the linker dropped */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->addr[mid] < s->row_addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < a->n && a->addr[lo] < s->addr; lo++)
		a->row[lo] = (struct cp_dw_row){s->row_file, (unsigned)s->row_line, true};
}

static void emit(const struct answers *a, struct state *s)
{
	settle(a, s);
	s->row_addr = s->addr;
	s->row_file = s->file;
	s->row_line = s->line;
	s->has_row = true;
}

static void restart(struct state *s)
{
	*s = (struct state){.file = 1, .line = 1};
}

static void extended(struct cp_leb *b, const struct answers *a, struct state *s)
{
	uint64_t size = cp_leb_u(b);
	const uint8_t *p = cp_leb_take(b, size);
	struct cp_leb op = {p, p ? p + size : NULL, false};

	if (!p || !size)
		return;
	switch (cp_leb_fixed(&op, 1)) {
	case DW_LNE_end_sequence:
		settle(a, s);
		restart(s);
		break;
	case DW_LNE_set_address:
		s->addr = cp_leb_fixed(&op, 8);
		break;
	default:
		break;
	}
}

static void standard(struct cp_dw_table *t, struct cp_leb *b, uint8_t op, const struct answers *a,
		     struct state *s)
{
	switch (op) {
	case DW_LNS_copy:
		emit(a, s);
		break;
	case DW_LNS_advance_pc:
		s->addr += cp_leb_u(b) * t->min_length;
		break;
	case DW_LNS_advance_line:
		s->line += cp_leb_s(b);
		break;
	case DW_LNS_set_file:
		s->file = cp_leb_u(b);
		break;
	case DW_LNS_const_add_pc:
		s->addr += (uint64_t)((255 - t->opcode_base) / t->line_range) * t->min_length;
		break;
	case DW_LNS_fixed_advance_pc:
		s->addr += cp_leb_fixed(b, 2);
		break;
	default:
		for (unsigned i = 0; i < t->lengths[op - 1]; i++)
			cp_leb_u(b);
	}
}

void cp_dw_table_rows(struct cp_dw_table *t, const uint64_t *addr, size_t n, struct cp_dw_row *row)
{
	struct answers a = {addr, n, row};
	struct cp_leb b = t->program;
	struct state s;

	restart(&s);
	while (b.p < b.end && !b.bad) {
		uint8_t op = (uint8_t)cp_leb_fixed(&b, 1);

		if (op >= t->opcode_base) {
			op = (uint8_t)(op - t->opcode_base);
			s.addr += (uint64_t)(op / t->line_range) * t->min_length;
			s.line += t->line_base + op % t->line_range;
			emit(&a, &s);
		} else if (op) {
			standard(t, &b, op, &a, &s);
		} else {
			extended(&b, &a, &s);
		}
	}
}
