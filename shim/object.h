/* SPDX-License-Identifier: MIT */
/*
 * object.h - a loaded object as the dynamic linker left it
 *
 * Context  ANY: reads mapped memory; the object must stay loaded meanwhile.
 */
#ifndef CP_SHIM_OBJECT_H
#define CP_SHIM_OBJECT_H

#include "../agent/rt/base.h"

#include <link.h>

struct cp_object {
	uintptr_t base;
	const struct dl_phdr_info *info; /* valid within dl_iterate_phdr's callback */
	ElfW(Sym) * sym;
	const char *str;
	const ElfW(Rela) * rela, *jump;
	size_t relas, jumps;
	const uint32_t *hash; /* DT_GNU_HASH; NULL: no symbol is found */
	const ElfW(Half) * versym;
	const char *verdef;
};

/* False when there is nothing to look into, as in the vDSO. */
bool cp_object_read(struct cp_object *o, const struct dl_phdr_info *info);
/* What dl_iterate_phdr would tell of ourselves, without its lock. */
struct dl_phdr_info cp_object_own(void);
/* The same of one of which only the base is known, without what its segments say. */
bool cp_object_read_dynamic(struct cp_object *o, const ElfW(Dyn) * d);
/* The PROT_ bits its segments have there now; 0 outside of it. */
int cp_object_protection(const struct cp_object *o, uintptr_t at);
uint32_t cp_object_hash(const char *name);
/* Its first symbol of that name and hash, or the next one: a name may be there in several versions,
 * or undefined where a PLT entry stands for it. NULL: no more, or no DT_GNU_HASH to tell. */
ElfW(Sym) * cp_object_next(const struct cp_object *o, const char *name, uint32_t hash,
			   const ElfW(Sym) * after);
/* The first, if it is a function. */
ElfW(Sym) * cp_object_find(const struct cp_object *o, const char *name);
/* The version it is there in; NULL: in none. old: it is not found by its mere name. */
const char *cp_object_version(const struct cp_object *o, const ElfW(Sym) * s, bool *old);

#endif
