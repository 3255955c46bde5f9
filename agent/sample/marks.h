/* SPDX-License-Identifier: MIT */
/*
 * marks.h - which pages a sampled block may begin in
 *
 * Context  HOST. free() looks at the table by itself (probe.h).
 * Holds    A page's byte is the number of sampled live blocks that begin in it
 *          (or in a page that shares the byte), up to 255, where it sticks: so a
 *          block with a record never has a byte of zero.
 * Why      free() must tell a sampled block from the others in a handful of
 *          instructions. A byte per page is as local as the host's own accesses:
 *          one cache line of marks serves 256 KB of heap.
 *          A forked child keeps its parent's bytes: that costs it a useless
 *          look-up now and then, and keeps the start-up arena recognised.
 */
#ifndef CP_SAMPLE_MARKS_H
#define CP_SAMPLE_MARKS_H

#include "../rt/base.h"

#define CP_PAGE_MARKS (1UL << 20) /* as many as 32 bits of an address tell apart */
extern uint8_t cp_page_marks[CP_PAGE_MARKS] __attribute__((visibility("hidden")));

CP_INLINE size_t cp_marks_index(uintptr_t addr)
{
	return (uint32_t)addr / CP_PAGE; /* of all 64 bits it would take a mask */
}

void cp_marks_add(uintptr_t addr);
void cp_marks_remove(uintptr_t addr);
void cp_marks_stick(uintptr_t addr, size_t n);

#endif
