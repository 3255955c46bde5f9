/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - which function a name leads to, before us and behind us
 *
 * Context  EARLY, ANY
 * Calls    dlsym, dlvsym (which call calloc and free: the arena serves); dladdr1, where
 *          _dl_find_object is missing, or DT_GNU_HASH.
 * Holds    The loader has the last word: what we find by ourselves is what it would answer, or
 *          isn't used.
 * Why      A look-up by dlsym takes a microsecond where it finds something, more where it
 *          doesn't, and we have a hundred at the start of every process.
 */
#include "lookup.h"

#include "../agent/rt/arch.h"
#include "object.h"
#include "table.h"

#include <dlfcn.h>
#include <elf.h>
#include <string.h>
#include <unistd.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE
#pragma weak _dl_find_object
#endif

_Static_assert(CP_FN_COUNT <= CP_LOOKUP_MOST, "the table is looked up at once");

/* --- objects ---------------------------------------------------------------- */

/* _dl_find_object (glibc 2.35) is a thousand times faster than dladdr, which
 * compares every symbol. */
static const struct link_map *find_map(const void *at, void **start)
{
	struct link_map *map = NULL;
	Dl_info info;

#ifdef DLFO_STRUCT_HAS_EH_DBASE
	struct dl_find_object found;

	if (_dl_find_object && !_dl_find_object((void *)at, &found)) {
		*start = found.dlfo_map_start;
		return found.dlfo_link_map;
	}
#endif
	if (!dladdr1(at, &info, (void **)&map, RTLD_DL_LINKMAP))
		return NULL;
	*start = info.dli_fbase;
	return map;
}

const struct link_map *cp_shim_map_of(const void *at)
{
	void *start;

	return find_map(at, &start);
}

void *cp_shim_object_of(const void *at, const char **path)
{
	void *start;
	const struct link_map *map = find_map(at, &start);

	if (!map)
		return NULL;
	*path = map->l_name;
	return start;
}

bool cp_shim_same_object(void *a, void *b)
{
	const char *path;

	return cp_shim_object_of(a, &path) == cp_shim_object_of(b, &path);
}

/* False: there is nothing to look into, or not by us. */
static bool open_object(struct cp_object *o, const struct link_map *map)
{
	*o = (struct cp_object){.base = map->l_addr};
	return cp_object_read_dynamic(o, map->l_ld) && o->hash;
}

/* --- behind us ---------------------------------------------------------------- */

/* A look-up that failed left a message which the host's next dlerror would report
 * as its own; one that succeeds drops it. Not dlerror: it translates the message,
 * under a lock that the first allocation of all may come from within (bindtextdomain
 * in a library's constructor, as gnutls does). */
static void *or_forget(void *found)
{
	if (!found)
		(void)dlsym(RTLD_NEXT, "free");
	return found;
}

void *cp_shim_next(const char *name)
{
	return or_forget(dlsym(RTLD_NEXT, name));
}

void *cp_shim_next_of(const struct cp_wanted *want)
{
	void *fn = want->version ? dlvsym(RTLD_NEXT, want->name, want->version) : NULL;

	return fn ? fn : cp_shim_next(want->name);
}

/* Stands for a function that only the loader can tell. */
static char ask;

/* A function at its value from the object's base on, for everybody. */
static bool is_ordinary(const ElfW(Sym) * sym)
{
	unsigned char seen_by = ELF64_ST_VISIBILITY(sym->st_other);

	return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx != SHN_ABS &&
	       (seen_by == STV_DEFAULT || seen_by == STV_PROTECTED);
}

static bool is_asked_for(const struct cp_object *o, const ElfW(Sym) * sym, const char *version)
{
	bool old;
	const char *has = cp_object_version(o, sym, &old);

	return version ? has && !strcmp(has, version) : !old;
}

/* NULL: the object has no such name. sure: its word is as good as the loader's. */
static void *find_in(const struct cp_object *o, const struct cp_wanted *want, uint32_t hash,
		     bool sure)
{
	const ElfW(Sym) *sym = NULL;
	void *found = NULL;
	bool any = false;

	while ((sym = cp_object_next(o, want->name, hash, sym))) {
		if (!sym->st_value && sym->st_shndx != SHN_ABS)
			continue; /* passed by; ours of a second copy may have lost its value */
		any = true;
		if (!is_asked_for(o, sym, want->version))
			continue;
		if (found || !sure || !is_ordinary(sym))
			return &ask;
		found = (void *)(o->base + sym->st_value);
	}
	return found || !any ? found : &ask;
}

/* It makes the loader pass weak definitions by. */
static bool prefers_strong(void)
{
	static const char name[] = "LD_DYNAMIC_WEAK";

	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, name, sizeof(name) - 1))
			return true;
	return !environ; /* then it can't be told */
}

/* Is an object's word as good as the loader's? Those that came with the program are searched in
 * the order they stand in, and dlsym's own is one of them; what was opened later is for some and
 * not for others. Whoever audits (then there is a second namespace) wants to be told. */
static const struct link_map *last_sure(void)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
	if (_dl_find_object && _r_debug.r_version == 1 && !prefers_strong())
		return cp_shim_map_of((void *)dlsym);
#endif
	return NULL;
}

static bool is_behind(const struct link_map *map, const struct link_map *last)
{
	while (map && map != last)
		map = map->l_next;
	return map;
}

void cp_shim_next_all(const struct cp_wanted *want, size_t n, void **next)
{
	const struct link_map *map = cp_shim_map_of(&cp_real), *last = last_sure();
	bool sure = is_behind(map, last);
	uint32_t hash[CP_LOOKUP_MOST];
	struct cp_object o;

	for (size_t i = 0; i < n; i++) {
		hash[i] = cp_object_hash(want[i].name);
		next[i] = sure ? NULL : &ask;
	}
	while (map && (map = map->l_next)) {
		bool open = open_object(&o, map);

		for (size_t i = 0; i < n; i++)
			if (!next[i])
				next[i] = open ? find_in(&o, &want[i], hash[i], sure) : &ask;
		sure &= map != last;
	}
	for (size_t i = 0; i < n; i++)
		if (next[i] == &ask)
			next[i] = cp_shim_next_of(&want[i]);
}

/* --- before us ---------------------------------------------------------------- */

/* True where an object can't be looked into, too. */
static bool may_be_in(const struct link_map *map, const char *name, uint32_t hash)
{
	struct cp_object o;

	return !open_object(&o, map) || cp_object_next(&o, name, hash, NULL);
}

bool cp_shim_is_there(const char *name)
{
	const struct link_map *map = cp_shim_map_of(&cp_real);
	uint32_t hash = cp_object_hash(name);

	bool nowhere = map;

	while (map && map->l_prev)
		map = map->l_prev;
	for (; map && nowhere; map = map->l_next)
		nowhere = !may_be_in(map, name, hash);
	return !nowhere && or_forget(dlsym(RTLD_DEFAULT, name));
}

/* In a program that isn't position-independent and takes malloc's address, the
 * name leads to the program's own PLT entry: an undefined symbol with a value. */
static bool is_plt_entry(void *found, const char *name)
{
	const struct link_map *map = cp_shim_map_of(found);
	uint32_t hash = cp_object_hash(name);
	const ElfW(Sym) *sym = NULL;
	struct cp_object o;
	Dl_info info;

	if (!map || !open_object(&o, map))
		return dladdr1(found, &info, (void **)&sym, RTLD_DL_SYMENT) && sym &&
		       sym->st_shndx == SHN_UNDEF;
	while ((sym = cp_object_next(&o, name, hash, sym)))
		if (sym->st_shndx == SHN_UNDEF && o.base + sym->st_value == (uintptr_t)found)
			return true;
	return false;
}

/* libc's, under which programs ask for malloc and its kin: most are of its first, aligned_alloc
 * is of the other. */
static const char *const malloc_version[] = {CP_LIBC_FIRST, "GLIBC_2.16"};

/* By the program's calls, that is. */
static bool is_found(const struct cp_object *o, const ElfW(Sym) * sym)
{
	bool old;
	const char *version = cp_object_version(o, sym, &old);

	for (unsigned i = 0; old && version && i < CP_ARRAY_LEN(malloc_version); i++)
		if (!strcmp(version, malloc_version[i]))
			return true;
	return !old || !version;
}

/* From the program on, whose PLT entry was found. What stands between it and us was there at the
 * start and stays; or came before a copy of us that is opened just now, under the loader's lock: so
 * the order can be read as it is. Without dl_iterate_phdr, of which thread sanitizer has its own,
 * that crashes so early. */
static void *search_before_us(const struct link_map *map, const char *name)
{
	const struct link_map *own = cp_shim_map_of(&cp_real);
	void *found = NULL;

	while (map && (map = map->l_next) && map != own) {
		struct cp_object o;
		ElfW(Sym) *sym = NULL;

		if (!found && open_object(&o, map))
			sym = cp_object_find(&o, name);
		if (sym && is_found(&o, sym))
			found = (void *)(o.base + sym->st_value);
	}
	return map ? found : NULL;
}

void *cp_shim_outer(const char *name)
{
	void *fn = or_forget(dlsym(RTLD_DEFAULT, name));

	if (!fn || cp_shim_same_object(fn, &cp_real))
		return NULL;
	if (!is_plt_entry(fn, name))
		return fn;
	return search_before_us(cp_shim_map_of(fn), name);
}

void *cp_shim_outer_malloc(const char *name)
{
	void *fn = cp_shim_outer(name);

	for (unsigned i = 0; !fn && i < CP_ARRAY_LEN(malloc_version); i++) {
		fn = or_forget(dlvsym(RTLD_DEFAULT, name, malloc_version[i]));
		/* Ours has none and is passed by, so what is found stands before or behind us. */
		if (fn && (fn == or_forget(dlvsym(RTLD_NEXT, name, malloc_version[i])) ||
			   is_plt_entry(fn, name)))
			return NULL;
	}
	return fn;
}
