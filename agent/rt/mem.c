/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the agent's own memory: pages from the kernel, and arenas over them
 *
 * Context  ANY (an arena: one thread at a time)
 * Calls    mmap, munmap, madvise, straight to the kernel.
 * Holds    arena: mapped <= limit; every allocation lies in one chunk.
 * Why      malloc is the host's: it may be what we are called from, and its
 *          figures are what we measure.
 */
#include "mem.h"

#include "atomic.h"
#include "sys.h"

#include <string.h>

#define CHUNK_MIN (64UL * 1024)
#define CHUNK_MAX (1024UL * 1024)

struct cp_arena_chunk {
	struct cp_arena_chunk *next;
	size_t size;
};

#define CHUNK_HEAD CP_ALIGN_UP(sizeof(struct cp_arena_chunk), 16UL)

static struct {
	size_t mapped;
} st;

void *cp_mem_map(size_t size)
{
	long r = CP_SYS(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (cp_sys_failed(r))
		return NULL;
	cp_add_rlx(&st.mapped, size);
	return (void *)r;
}

void *cp_mem_map_wiped(size_t size)
{
	void *p = cp_mem_map(size);

	if (p && CP_SYS(SYS_madvise, p, size, MADV_WIPEONFORK)) {
		/* A kernel before 4.14: without it a child would write the
		 * parent's samples as its own. Better no profile than that one. */
		cp_mem_unmap(p, size);
		return NULL;
	}
	return p;
}

void cp_mem_unmap(void *p, size_t size)
{
	if (!p)
		return;
	CP_SYS(SYS_munmap, p, size);
	cp_sub_rlx(&st.mapped, size);
}

size_t cp_mem_mapped(void)
{
	return cp_load_rlx(&st.mapped);
}

static bool arena_grow(struct cp_arena *a, size_t need)
{
	size_t size = CP_MIN(CP_MAX(a->mapped, CHUNK_MIN), CHUNK_MAX);
	struct cp_arena_chunk *c;

	size = CP_ALIGN_UP(CP_MAX(size, need + CHUNK_HEAD), CP_PAGE);
	if (a->limit && a->mapped + size > a->limit)
		return false;
	c = cp_mem_map(size);
	if (!c)
		return false;
	if (a->stays)
		CP_SYS(SYS_madvise, c, size, MADV_DONTFORK);
	c->next = a->chunks;
	c->size = size;
	a->chunks = c;
	a->mapped += size;
	a->left = size - CHUNK_HEAD;
	return true;
}

void *cp_arena_alloc(struct cp_arena *a, size_t size)
{
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = CP_ALIGN_UP(CP_MAX(size, 1UL), 16UL);
	if (size > a->left && !arena_grow(a, size))
		return NULL;
	p = (char *)a->chunks + a->chunks->size - a->left;
	a->left -= size;
	return p;
}

char *cp_arena_strdup(struct cp_arena *a, const char *s, size_t len)
{
	char *p = cp_arena_alloc(a, len + 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

void cp_arena_release(struct cp_arena *a)
{
	while (a->chunks) {
		struct cp_arena_chunk *c = a->chunks;

		a->chunks = c->next;
		cp_mem_unmap(c, c->size);
	}
	a->left = 0;
	a->mapped = 0;
}
