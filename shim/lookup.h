/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - which function a name leads to, before us and behind us
 *
 * Context  EARLY, ANY
 * Holds    No look-up leaves a message for the host's dlerror.
 */
#ifndef CP_SHIM_LOOKUP_H
#define CP_SHIM_LOOKUP_H

#include "../agent/rt/base.h"

struct link_map;

struct cp_wanted {
	const char *name;
	const char *version; /* NULL: the default one */
};

/* What the loader finds behind us: under that version, else under any; NULL: nothing. */
void *cp_shim_next(const char *name);
void *cp_shim_next_of(const struct cp_wanted *want);
/* [EARLY] The same of n names at once, n <= CP_LOOKUP_MOST; far quicker. */
#define CP_LOOKUP_MOST 160
void cp_shim_next_all(const struct cp_wanted *want, size_t n, void **next);

/* The definition of name that the host uses, when it isn't ours. */
void *cp_shim_outer(const char *name);
/* The same of the malloc family, where it may be one of an old version, as glibc's
 * libc_malloc_debug has them: the program's calls reach it, a look-up of the mere name doesn't. */
void *cp_shim_outer_malloc(const char *name);
/* Does whoever looks up the name find anything? */
bool cp_shim_is_there(const char *name);

/* The loaded object an address lies in: its start, and its path. */
void *cp_shim_object_of(const void *addr, const char **path);
const struct link_map *cp_shim_map_of(const void *addr);
bool cp_shim_same_object(void *a, void *b);

#endif
