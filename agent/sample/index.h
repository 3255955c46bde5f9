/* SPDX-License-Identifier: MIT */
/*
 * index.h - from a hash to a number: by this stacks and counters are found
 *
 * Context  HOST, SIGNAL: cp_index_slot and what is said of an entry
 * Shared   the slots: 0, or an entry for good, put there by a CAS of who found 0
 * Holds    All who look for a hash go the same way through the slots, and what they look for
 *          is at or before the first empty one.
 * Fails    The way ends: the table is full, for this hash at least.
 * Why      A page that is met for the first time costs more than a walk: a fault to look at
 *          it, another one to write. So the first entries share one. The slots lie in
 *          levels, each eight times the one before; on each of them the way leads through one
 *          cache line, through more on the last. The first level comes last, so that it shares
 *          its page with what lies behind the index: the first of what it leads to. An entry
 *          carries half of its hash, so that hardly ever another's record is read.
 */
#ifndef CP_SAMPLE_INDEX_H
#define CP_SAMPLE_INDEX_H

#include "../rt/base.h"

#define CP_INDEX_LEVELS 8
#define CP_INDEX_LINE	8U  /* slots in a cache line */
#define CP_INDEX_LAST	32U /* lines on the last level: so it is of use until it is nearly full */

struct cp_index {
	uint64_t *level[CP_INDEX_LEVELS];
	uint8_t shift[CP_INDEX_LEVELS]; /* the upper bits of a hash choose the line */
	unsigned last;
};

/* Bytes of an index with so many slots, a power of two, on its last level. */
size_t cp_index_size(size_t slots);
/* [EARLY] At zeroed memory of that size, which begins with a page. */
void cp_index_init(struct cp_index *x, void *at, size_t slots);

/* The i-th slot on the way of a hash; NULL: it ends. */
CP_INLINE uint64_t *cp_index_slot(const struct cp_index *x, uint64_t hash, unsigned i)
{
	unsigned line = i / CP_INDEX_LINE, level = CP_MIN(line, x->last), on = line - level;
	uint64_t at = (hash >> x->shift[level]) + on;

	if (on >= CP_INDEX_LAST)
		return NULL;
	at &= UINT64_MAX >> x->shift[level];
	return &x->level[level][at * CP_INDEX_LINE + i % CP_INDEX_LINE];
}

/* number: not 0. */
CP_INLINE uint64_t cp_index_entry(uint64_t hash, uint32_t number)
{
	return hash << 32 | number;
}

CP_INLINE uint32_t cp_index_number(uint64_t entry)
{
	return (uint32_t)entry;
}

/* May it be the one that is looked for? */
CP_INLINE bool cp_index_fits(uint64_t entry, uint64_t hash)
{
	return entry >> 32 == (uint32_t)hash;
}

#endif
