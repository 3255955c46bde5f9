/* SPDX-License-Identifier: MIT */
/*
 * marks.c - which pages a sampled block may begin in
 *
 * Context  HOST; cp_marks_stick EARLY too.
 * Calls    rt only.
 * Shared   cp_page_marks: CAS on single bytes, read relaxed by every free().
 * Order    None of its own: the thread that frees a block has its address from the
 *          one that allocated it, and what hands the address over orders the byte too.
 */
#include "marks.h"

#include "../rt/atomic.h"

#define STUCK 255

uint8_t cp_page_marks[CP_PAGE_MARKS] CP_SPARSE __attribute__((aligned(4096)));

void cp_marks_add(uintptr_t addr)
{
	uint8_t *mark = &cp_page_marks[cp_marks_index(addr)];
	uint8_t seen = cp_load_rlx(mark);

	while (seen != STUCK && !cp_cas_rlx(mark, &seen, (uint8_t)(seen + 1)))
		;
}

void cp_marks_remove(uintptr_t addr)
{
	uint8_t *mark = &cp_page_marks[cp_marks_index(addr)];
	uint8_t seen = cp_load_rlx(mark);

	while (seen != STUCK && seen != 0 && !cp_cas_rlx(mark, &seen, (uint8_t)(seen - 1)))
		;
}

void cp_marks_stick(uintptr_t addr, size_t n)
{
	for (uintptr_t page = addr & ~(CP_PAGE - 1); page < addr + n; page += CP_PAGE)
		cp_store_rlx(&cp_page_marks[cp_marks_index(page)], STUCK);
}
