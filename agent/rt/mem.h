/* SPDX-License-Identifier: MIT */
/*
 * mem.h - the agent's own memory: pages from the kernel, and arenas over them
 *
 * Context  ANY: system calls only; the host's heap never holds a byte of ours.
 * Shared   the list of maps and the count of their bytes.
 * Fails    NULL when the kernel refuses; the caller counts a loss and goes on.
 */
#ifndef CP_RT_MEM_H
#define CP_RT_MEM_H

#include "base.h"

/* Zeroed private pages, touched only as they are used. NULL on failure. */
void *cp_mem_map(size_t size);
/* The same, and a forked child finds them zeroed: its own profile starts empty. */
void *cp_mem_map_wiped(size_t size);
/* The same, but parent and children see what any of them writes there. */
void *cp_mem_map_shared(size_t size);
void cp_mem_unmap(void *p, size_t size);
/* The same as the wiped ones, for good: aligned to a cache line, above half a page to a page. */
void *cp_mem_wiped(size_t size);
/* [EARLY] Once: of that, so much comes from one map. */
void cp_mem_make_room(size_t size);
/* Address space mapped at this moment; a forked child goes on from its parent's. */
size_t cp_mem_mapped(void);
/* [CONTROL] What of it lies in memory. */
size_t cp_mem_used(void);

/* An arena grows by chunks and is released whole: one per job. Not shared. */
struct cp_arena {
	struct cp_arena_chunk *chunks; /* newest first */
	size_t left;		       /* bytes free at the end of the newest */
	size_t mapped;		       /* all chunks together <= limit */
	size_t limit;		       /* 0: none */
	bool stays;		       /* a forked child does not inherit the chunks */
};

/* Zeroed memory aligned to 16, or NULL at the limit or when the kernel refuses. */
void *cp_arena_alloc(struct cp_arena *a, size_t size);
char *cp_arena_strdup(struct cp_arena *a, const char *s, size_t len);
void cp_arena_release(struct cp_arena *a);

#endif
