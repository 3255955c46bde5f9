/* SPDX-License-Identifier: MIT */
/*
 * lines_unit.h - DWARF's units and their entries
 *
 * Context  cprof-lines; one thread.
 * Holds    All pointers lead into the sections, which live as long as the file.
 */
#ifndef CP_CLI_LINES_UNIT_H
#define CP_CLI_LINES_UNIT_H

#include "agent/rt/leb.h"

enum cp_dw_section {
	CP_DW_INFO,
	CP_DW_ABBREV,
	CP_DW_LINE,
	CP_DW_STR,
	CP_DW_LINE_STR,
	CP_DW_RANGES,
	CP_DW_RNGLISTS,
	CP_DW_ADDR,
	CP_DW_STR_OFFSETS,
	CP_DW_SECTIONS
};

struct cp_dw_abbrev {
	uint64_t code, tag;
	bool children;
	const uint8_t *attributes;
};

struct cp_dw {
	struct cp_leb section[CP_DW_SECTIONS];
	void *unpacked[CP_DW_SECTIONS]; /* what was compressed */
	void *map;
	size_t map_size;
	/* The abbreviations of one unit at a time. */
	struct cp_dw_abbrev *abbrev;
	size_t nabbrev, cap;
	uint64_t abbrev_offset;
	bool has_abbrev;
	uint64_t *unit; /* where each begins, for references between them */
	size_t nunits;
	bool unsupported; /* something we don't read was met: dwz, split units */
};

struct cp_dw_unit {
	uint64_t start, entries, end; /* offsets in .debug_info */
	uint64_t abbrev_offset;
	uint16_t version;
	uint8_t type, addr_size, offset_size;
	uint64_t low, line_offset, str_base, addr_base, rng_base;
	bool has_lines;
	const char *name, *dir;
};

/* What we ask of an entry. Absent: 0, NULL. */
struct cp_dw_entry {
	uint64_t offset, tag, next; /* next: offset behind its attributes */
	bool children, has_low, has_high, high_is_size, has_ranges, ranges_is_index;
	uint64_t low, high, ranges, sibling, origin;
	uint64_t call_file, call_line;
	const char *name, *linkage_name;
};

/* The sections of an object file; false and *why when it has none we can read. */
bool cp_dw_open(struct cp_dw *d, const char *path, const char **why);
void cp_dw_close(struct cp_dw *d);

/* The bytes of a section from an offset on. */
struct cp_leb cp_dw_at(const struct cp_dw *d, enum cp_dw_section which, uint64_t offset);
/* An address from .debug_addr. */
uint64_t cp_dw_address(const struct cp_dw *d, const struct cp_dw_unit *u, uint64_t index);

/* The unit whose header is at offset; false at the end, or when it can't be read. */
bool cp_dw_unit_read(struct cp_dw *d, uint64_t offset, struct cp_dw_unit *u);
/* The unit that an offset lies in, for references to other units. */
bool cp_dw_unit_of(struct cp_dw *d, uint64_t offset, struct cp_dw_unit *u);
/* The entry at offset; tag 0 ends a list of children. */
bool cp_dw_entry_read(struct cp_dw *d, const struct cp_dw_unit *u, uint64_t offset,
		      struct cp_dw_entry *e);
/* Calls on_range for each range of addresses an entry has code in. */
void cp_dw_ranges(struct cp_dw *d, const struct cp_dw_unit *u, const struct cp_dw_entry *e,
		  void (*on_range)(void *ctx, uint64_t low, uint64_t high), void *ctx);

/* Line tables: file and line for each of n sorted addresses of a unit; 0 and the
 * file number 0 where there is none. */
struct cp_dw_row {
	uint64_t file;
	unsigned line;
	bool found;
};
struct cp_dw_table;
struct cp_dw_table *cp_dw_table_open(struct cp_dw *d, const struct cp_dw_unit *u);
void cp_dw_table_rows(struct cp_dw_table *t, const uint64_t *addr, size_t n, struct cp_dw_row *row);
/* The whole path of a file; the caller frees it. NULL: not known. */
char *cp_dw_table_file(struct cp_dw_table *t, uint64_t number);
void cp_dw_table_close(struct cp_dw_table *t);

#endif
