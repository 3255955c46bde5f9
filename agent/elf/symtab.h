/* SPDX-License-Identifier: MIT */
/*
 * symtab.h - which symbol an address belongs to
 *
 * Context  CONTROL, and separate programs: blocking reads, no allocation, no libc.
 * Holds    Same table, same address, same symbol, whatever else is asked with it.
 */
#ifndef CP_ELF_SYMTAB_H
#define CP_ELF_SYMTAB_H

#include "elf.h"

#define CP_SYMTAB_CHUNK 1024U /* symbols read at once */
#define CP_SYMTAB_NAME	256U  /* of a name, what decides between two symbols */

struct cp_symtab_query {
	uint64_t addr; /* in: as p_vaddr counts */
	bool found;
	uint64_t name; /* out: offset into the table's strings */
	uint64_t value;
	/* while the table streams by: */
	uint8_t rank;
	uint64_t end;	    /* the best symbol with a size covers [value, end); 0: none yet */
	uint64_t sized;	    /* highest start of such a one at or below addr */
	uint64_t bare;	    /* highest start of a symbol without a size, UINT64_MAX: none */
	uint64_t bare_name; /* and its name */
};

/* Work space, 26 KB: too much for a small stack. */
struct cp_symtab_work {
	Elf64_Sym some[CP_SYMTAB_CHUNK];
	char name[2][CP_SYMTAB_NAME];
	uint64_t steps;
};

/* Answers n queries, sorted by addr, from one of e's tables in one pass over it; those
 * it has no symbol for stay as they are. Queries that are `found` are left alone. */
void cp_symtab_resolve(const struct cp_elf *e, const struct cp_elf_symbols *symbols,
		       struct cp_symtab_query *q, size_t n, struct cp_symtab_work *work);

/* The name of the function that the PLT entry at addr calls: its length, 0 if none. */
size_t cp_symtab_plt_name(const struct cp_elf *e, uint64_t addr, char *buf, size_t cap);

#endif
