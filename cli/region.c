/* SPDX-License-Identifier: MIT */
/*
 * region.c - memory of one profile, given back as a whole
 *
 * Context  the cprof program.
 * Holds    see region.h
 */
#include "region.h"

#include <stdlib.h>

/* Keeps what follows the links aligned for anything. */
#define HEADER CP_ALIGN_UP(sizeof(struct cp_region_block), _Alignof(max_align_t))

static void *take(void *ctx, size_t size)
{
	struct cp_region *r = ctx;
	struct cp_region_block *b;

	if (size > SIZE_MAX - HEADER)
		return NULL;
	b = malloc(HEADER + size);
	if (!b)
		return NULL;
	b->next = r->ring.next;
	b->prev = &r->ring;
	b->next->prev = b;
	r->ring.next = b;
	r->taken += size;
	return (char *)b + HEADER;
}

static void give(void *ctx, void *p)
{
	struct cp_region_block *b;

	(void)ctx;
	if (!p)
		return;
	b = (struct cp_region_block *)((char *)p - HEADER);
	b->next->prev = b->prev;
	b->prev->next = b->next;
	free(b);
}

void cp_region_init(struct cp_region *r)
{
	r->ring.next = r->ring.prev = &r->ring;
	r->taken = 0;
	r->alloc = (struct cp_alloc){take, give, r};
}

void cp_region_release(struct cp_region *r)
{
	while (r->ring.next != &r->ring)
		give(r, (char *)r->ring.next + HEADER);
}
