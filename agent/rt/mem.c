/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the agent's own memory: pages from the kernel, and arenas over them
 *
 * Context  ANY (an arena: one thread at a time)
 * Calls    mmap, munmap, madvise, mincore, straight to the kernel; filter.h.
 * Shared   st.mapped (relaxed adds); st.map[].addr: claimed by CAS, given back by a store,
 *          both relaxed: cp_mem_used is a reading, and a late sight costs a wrong figure;
 *          room.left (CAS, relaxed: the rooms are made before there is a second thread).
 *          What cp_mem_map_shared gives other processes write to as well.
 * Holds    arena: mapped <= limit; every allocation lies in one chunk.
 * Why      malloc is the host's: it may be what we are called from, and its
 *          figures are what we measure.
 *          A map of its own for each table would be three system calls at the start of every
 *          process, a range to copy at every fork, and for most of them a page of its own.
 */
#include "mem.h"

#include "atomic.h"
#include "filter.h"
#include "sys.h"

#include <string.h>

#define CHUNK_MIN (64UL * 1024)
#define CHUNK_MAX (1024UL * 1024)

struct cp_arena_chunk {
	struct cp_arena_chunk *next;
	size_t size;
};

#define CHUNK_HEAD CP_ALIGN_UP(sizeof(struct cp_arena_chunk), 16UL)

#define HUGE_PAGE  (2UL << 20)
#define SMALL	   CP_PAGE
#define MAPS	   64	 /* the agent has a dozen; more than that count as used */
#define LOOK_PAGES 512UL /* the kernel is asked about so many at a time */

static struct {
	size_t mapped;
	struct room {
		uintptr_t end;
		size_t left;
	} small, large; /* small: for half a page or less */
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

static void *map(size_t size, int flags)
{
	long r = CP_SYS(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (cp_sys_failed(r))
		return NULL;
	cp_add_rlx(&st.mapped, size);
	note((uintptr_t)r, size);
	return (void *)r;
}

void *cp_mem_map(size_t size)
{
	void *p = map(size, MAP_PRIVATE | MAP_NORESERVE);

	/* Tables are touched here and there: a huge page each would be most of our memory. */
	if (p && size >= HUGE_PAGE)
		CP_SYS(SYS_madvise, p, size, MADV_NOHUGEPAGE);
	return p;
}

void *cp_mem_map_shared(size_t size)
{
	return map(size, MAP_SHARED);
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

void cp_mem_make_room(size_t size)
{
	uintptr_t p;

	size = CP_ALIGN_UP(size, CP_PAGE);
	p = (uintptr_t)cp_mem_map_wiped(SMALL + size);
	if (!p)
		return;
	st.small = (struct room){p + SMALL, SMALL};
	st.large = (struct room){p + SMALL + size, size};
}

/* NULL where there is not that much. */
static void *cut(struct room *r, size_t size)
{
	size_t left = cp_load_rlx(&r->left);

	do {
		if (size > left)
			return NULL;
	} while (!cp_cas_rlx(&r->left, &left, left - size));
	return (void *)(r->end - left);
}

void *cp_mem_wiped(size_t size)
{
	bool small = size <= CP_PAGE / 2;
	size_t pages = CP_ALIGN_UP(size, CP_PAGE);
	void *p = small ? cut(&st.small, CP_ALIGN_UP(size, CP_CACHE_LINE)) : cut(&st.large, pages);

	return p ? p : cp_mem_map_wiped(pages);
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

/* Pages from addr on that are not there. */
static size_t absent_by_file(int pagemap, uintptr_t addr, size_t pages)
{
	uint64_t entry[LOOK_PAGES];
	long got = cp_sys_pread(pagemap, entry, pages * sizeof(entry[0]),
				addr / CP_PAGE * sizeof(entry[0]));
	size_t n = 0;

	for (long i = 0; i < got / (long)sizeof(entry[0]); i++)
		n += !(entry[i] >> 63);
	return n;
}

static size_t absent_by_call(uintptr_t addr, size_t pages)
{
	unsigned char page[LOOK_PAGES];
	size_t n = 0;

	if (CP_SYS(SYS_mincore, addr, pages * CP_PAGE, page))
		return 0;
	for (size_t i = 0; i < pages; i++)
		n += !(page[i] & 1);
	return n;
}

/* Bytes of a map that were never touched. */
static size_t untouched(int pagemap, uintptr_t addr, size_t size)
{
	size_t pages = (size + CP_PAGE - 1) / CP_PAGE, n = 0, part;

	for (size_t at = 0; at < pages; at += part) {
		uintptr_t from = addr + at * CP_PAGE;

		part = CP_MIN(pages - at, LOOK_PAGES);
		n += pagemap >= 0 ? absent_by_file(pagemap, from, part)
				  : absent_by_call(from, part);
	}
	return n * CP_PAGE;
}

/* A process that has changed its user may not open the file; many filters kill for the call. */
size_t cp_mem_used(void)
{
	size_t used = cp_mem_mapped();
	int pagemap = (int)cp_sys_open("/proc/thread-self/pagemap", O_RDONLY, 0);
	bool may_look = pagemap >= 0 || !cp_filtered();

	for (unsigned i = 0; i < MAPS && may_look; i++) {
		uintptr_t addr = cp_load_rlx(&st.map[i].addr);
		size_t size = cp_load_rlx(&st.map[i].size);

		if (addr)
			used -= CP_MIN(used, untouched(pagemap, addr, size));
	}
	if (pagemap >= 0)
		cp_sys_close(pagemap);
	return used;
}

static bool arena_grow(struct cp_arena *a, size_t need)
{
	size_t size = CP_MIN(CP_MAX(a->mapped, CHUNK_MIN), CHUNK_MAX);
	struct cp_arena_chunk *c;

	if (a->limit) /* the last chunk is what there is left */
		size = CP_MIN(size, (a->limit - a->mapped) / CP_PAGE * CP_PAGE);
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
