/* SPDX-License-Identifier: MIT */
/*
 * object.h - a loaded object as the dynamic linker left it
 *
 * Context  EARLY, HOST: reads mapped memory; the object must stay loaded meanwhile.
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
/* Its own definition of a function. */
ElfW(Sym) * cp_object_find(const struct cp_object *o, const char *name);
/* The version without which that is not found; NULL: it is found by its name. */
const char *cp_object_old_version(const struct cp_object *o, const ElfW(Sym) * s);

#endif
