/* SPDX-License-Identifier: MIT */
/*
 * index.c - the levels of an index
 *
 * Context  EARLY
 * Calls    nothing
 */
#include "index.h"

#define GROWTH 8
#define LEAST  64U /* slots: an eighth of a page */

static unsigned levels(size_t slots)
{
	unsigned n = 1;

	while (n < CP_INDEX_LEVELS && slots / GROWTH >= LEAST) {
		slots /= GROWTH;
		n++;
	}
	return n;
}

size_t cp_index_size(size_t slots)
{
	size_t sum = 0;

	for (unsigned n = levels(slots); n; n--, slots /= GROWTH)
		sum += slots;
	return sum * sizeof(uint64_t);
}

void cp_index_init(struct cp_index *x, void *at, size_t slots)
{
	uint64_t *level = at;

	x->last = levels(slots) - 1;
	for (unsigned i = x->last + 1; i--; slots /= GROWTH) {
		x->level[i] = level;
		level += slots;
		x->shift[i] = (uint8_t)(64 - __builtin_ctzl(slots / CP_INDEX_LINE));
	}
}
