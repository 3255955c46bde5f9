/* SPDX-License-Identifier: MIT */
/*
 * arena.c - memory for allocations that come before the real malloc is known
 *
 * Context  EARLY, ANY
 * Calls    rt, probe.h's page marks. Never: lock, wait, abort.
 * Shared   st.newest (a list only ever pushed to), chunk.used and lent (relaxed adds)
 * Order    newest: release by grow(), acquire by its readers: a chunk's bounds
 *          are written before it can be seen.
 * Holds    lent is counted before a block leaves, so who holds one never reads 0 there.
 *          used may pass the chunk's end by failed attempts; nothing below end
 *          is handed out twice. header.size is what was asked for.
 * Fails    The kernel refuses a chunk: NULL and ENOMEM, as malloc would.
 * Why      dlsym calls calloc, and so may whatever runs inside it. Blocks are few
 *          and live as long as the loader does: freeing one is a no-op.
 */
#include "arena.h"

#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "../agent/rt/mem.h"

#include <errno.h>

#define FIRST_SIZE (64UL << 10)
#define CHUNK_SIZE (1UL << 20)

struct header {
	size_t size;
	size_t unused; /* keeps blocks aligned to 16 */
};

struct chunk {
	struct chunk *older;
	char *base, *end;
	size_t used;
};

static char first_block[FIRST_SIZE] CP_SPARSE __attribute__((aligned(4096)));
static struct chunk first CP_WARM = {NULL, first_block, first_block + FIRST_SIZE, 0};

static struct {
	struct chunk *newest;
} st CP_WARM = {&first};

size_t cp_shim_arena_lent CP_WARM;

void cp_shim_arena_init(void)
{
	cp_probe_mark_forever(first_block, FIRST_SIZE);
}

static void *take(struct chunk *c, size_t align, size_t size)
{
	size_t room = sizeof(struct header) + size + align;
	uintptr_t at;
	struct header *h;

	if (room > (size_t)(c->end - c->base))
		return NULL;
	at = (uintptr_t)c->base + cp_add_rlx(&c->used, room);
	if (at + room > (uintptr_t)c->end)
		return NULL;
	at = CP_ALIGN_UP(at + sizeof(struct header), align);
	h = (struct header *)at - 1;
	h->size = size;
	return (void *)at;
}

/* Maps a chunk that has room for the block. Threads that come here together map
 * one each: all of them serve, the newest first. */
static struct chunk *grow(size_t align, size_t size)
{
	size_t need = sizeof(struct chunk) + sizeof(struct header) + size + 2 * align;
	size_t total = CP_ALIGN_UP(CP_MAX(need, CHUNK_SIZE), CP_PAGE);
	struct chunk *c = cp_mem_map(total);

	if (!c)
		return NULL;
	c->base = (char *)(c + 1);
	c->end = (char *)c + total;
	cp_probe_mark_forever(c, total);
	c->older = cp_load_rlx(&st.newest);
	/* rel: with the acquire loads of alloc and owns. */
	while (!cp_cas_rel(&st.newest, &c->older, c))
		;
	return c;
}

void *cp_shim_arena_alloc(size_t align, size_t size)
{
	struct chunk *c = cp_load_acq(&st.newest); /* acq: with grow() */
	void *p = NULL;

	align = CP_MAX(align, sizeof(struct header));
	cp_add_rlx(&cp_shim_arena_lent, 1);
	if (size < SIZE_MAX / 4 && align < SIZE_MAX / 8) {
		p = take(c, align, size);
		if (!p && (c = grow(align, size)))
			p = take(c, align, size);
	}
	if (!p) {
		cp_sub_rlx(&cp_shim_arena_lent, 1);
		errno = ENOMEM;
	}
	return p;
}

bool cp_shim_arena_owns(const void *p)
{
	const struct chunk *c = cp_load_acq(&st.newest); /* acq: with grow() */

	for (; c; c = c->older)
		if ((const char *)p >= c->base && (const char *)p < c->end)
			return true;
	return false;
}

bool cp_shim_arena_take_back(const void *p)
{
	bool owns = cp_shim_arena_owns(p);

	if (owns)
		cp_sub_rlx(&cp_shim_arena_lent, 1);
	return owns;
}

size_t cp_shim_arena_size(const void *p)
{
	return ((const struct header *)p - 1)->size;
}
