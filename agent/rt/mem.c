/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the agent's own memory: pages from the kernel, and arenas over them
 *
 * Context  ANY (an arena: one thread at a time)
 * Calls    mmap, munmap, madvise, mincore, straight to the kernel.
 * Shared   st.mapped (relaxed adds); st.map[].addr: claimed by CAS, given back by a store,
 *          both relaxed: cp_mem_used is a reading, and a late sight costs a wrong figure.
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

#define HUGE_PAGE (2UL << 20)
#define MAPS	  64	      /* the agent has some forty; more than that count as used */
#define LOOK_SIZE (2UL << 20) /* that many bytes the kernel is asked about at a time */

static struct {
	size_t mapped;
	struct {
		uintptr_t addr; /* 0: free */
		size_t size;
	} map[MAPS];
} st;

static void note(uintptr_t addr, size_t size)
{
	for (unsigned i = 0; i < MAPS; i++) {
		uintptr_t empty = 0;

		if (cp_load_rlx(&st.map[i].addr) || !cp_cas_rlx(&st.map[i].addr, &empty, addr))
			continue;
		cp_store_rlx(&st.map[i].size, size);
		return;
	}
}

static void forget(uintptr_t addr)
{
	for (unsigned i = 0; i < MAPS; i++)
		if (cp_load_rlx(&st.map[i].addr) == addr)
			cp_store_rlx(&st.map[i].addr, 0);
}

void *cp_mem_map(size_t size)
{
	long r = CP_SYS(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (cp_sys_failed(r))
		return NULL;
	/* Tables are touched here and there: a huge page each would be most of our memory. */
	if (size >= HUGE_PAGE)
		CP_SYS(SYS_madvise, r, size, MADV_NOHUGEPAGE);
	cp_add_rlx(&st.mapped, size);
	note((uintptr_t)r, size);
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
	forget((uintptr_t)p);
	CP_SYS(SYS_munmap, p, size);
	cp_sub_rlx(&st.mapped, size);
}

size_t cp_mem_mapped(void)
{
	return cp_load_rlx(&st.mapped);
}

/* Bytes of a map that were never touched. */
static size_t untouched(uintptr_t addr, size_t size)
{
	unsigned char page[LOOK_SIZE / CP_PAGE];
	size_t n = 0;

	for (size_t at = 0; at < size; at += LOOK_SIZE) {
		size_t part = CP_MIN(size - at, LOOK_SIZE);

		if (CP_SYS(SYS_mincore, addr + at, part, page))
			return n;
		for (size_t i = 0; i < (part + CP_PAGE - 1) / CP_PAGE; i++)
			n += page[i] & 1 ? 0 : CP_PAGE;
	}
	return n;
}

size_t cp_mem_used(void)
{
	size_t used = cp_mem_mapped();

	for (unsigned i = 0; i < MAPS; i++) {
		uintptr_t addr = cp_load_rlx(&st.map[i].addr);

		if (addr)
			used -= CP_MIN(used, untouched(addr, cp_load_rlx(&st.map[i].size)));
	}
	return used;
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
