/* SPDX-License-Identifier: MIT */
/*
 * scratch.c - memory for one unpacked message after the other
 *
 * Context  pure code, as pprof.h.
 * Calls    the given allocator.
 * Holds    A block is at least twice the one before it: under an arena, which
 *          takes nothing back, all of them together are less than twice the
 *          largest message needs.
 */
#include "scratch.h"

#include "take.h"

#define FIRST_BLOCK 16384UL

struct cp_scratch_block {
	struct cp_scratch_block *next; /* older */
	size_t cap;
	_Alignas(16) unsigned char bytes[];
};

static void *alloc_for_protobuf(void *data, size_t size)
{
	return cp_scratch_alloc(data, size);
}

/* A message is freed as a whole, by the reset. */
static void free_for_protobuf(void *data, void *p)
{
	(void)data;
	(void)p;
}

void cp_scratch_init(struct cp_scratch *s, const struct cp_alloc *mem)
{
	*s = (struct cp_scratch){.mem = *mem};
	s->for_protobuf = (ProtobufCAllocator){alloc_for_protobuf, free_for_protobuf, s};
}

static bool add_block(struct cp_scratch *s, size_t need)
{
	size_t cap = CP_MAX(s->blocks ? s->blocks->cap * 2 : FIRST_BLOCK, need);
	struct cp_scratch_block *b = NULL;

	if (need <= SIZE_MAX / 8)
		b = cp_take(&s->mem, sizeof(*b) + cap, 1);
	if (!b) {
		s->failed = true;
		return false;
	}
	b->next = s->blocks;
	b->cap = cap;
	s->blocks = b;
	s->used = 0;
	return true;
}

void *cp_scratch_alloc(struct cp_scratch *s, size_t size)
{
	size_t need = CP_ALIGN_UP(size, 16UL);
	void *p;

	if (size > SIZE_MAX / 8) {
		s->failed = true;
		return NULL;
	}
	if ((!s->blocks || need > s->blocks->cap - s->used) && !add_block(s, need))
		return NULL;
	p = s->blocks->bytes + s->used;
	s->used += need;
	return p;
}

static void drop_blocks(struct cp_scratch *s, struct cp_scratch_block *b)
{
	while (b) {
		struct cp_scratch_block *next = b->next;

		cp_give(&s->mem, b);
		b = next;
	}
}

void cp_scratch_reset(struct cp_scratch *s)
{
	s->used = 0;
	if (!s->blocks)
		return;
	drop_blocks(s, s->blocks->next);
	s->blocks->next = NULL;
}

void cp_scratch_fini(struct cp_scratch *s)
{
	drop_blocks(s, s->blocks);
	s->blocks = NULL;
}
