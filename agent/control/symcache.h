/* SPDX-License-Identifier: MIT */
/*
 * symcache.h - the answers given so far, and their strings, each once
 *
 * Context  CONTROL: the agent's job threads, one at a time.
 * Holds    used <= size; an answer once given is never changed or moved; who asks later
 *          may get another, where it was provisional. A forked child starts without any.
 * Fails    Full: answers live in the job's memory and are found anew each time.
 */
#ifndef CP_CONTROL_SYMCACHE_H
#define CP_CONTROL_SYMCACHE_H

#include "symbols.h"

/* [EARLY] 0 or -errno. */
int cp_symcache_init(size_t share);

/* NULL: not known yet. */
const struct cp_symbol *cp_symcache_find(cp_frame f);

/* A lasting copy, shared by all who ask for the same bytes; zero-terminated. In the
 * job's memory when the cache is full, NULL when that is full too. */
const char *cp_symcache_string(struct cp_arena *job, const char *s, size_t len);

/* Remembers the answer for a frame and gives the copy to use: s itself may go. The
 * strings of s must come from cp_symcache_string. NULL: no memory. */
const struct cp_symbol *cp_symcache_put(struct cp_arena *job, cp_frame f,
					const struct cp_symbol *s);

/* Forgets the answers for code made at run time. */
void cp_symcache_forget_made(void);

#endif
