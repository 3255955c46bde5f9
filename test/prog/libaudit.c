/* SPDX-License-Identifier: MIT */
/*
 * libaudit.c - an auditor of the loader: it lives in a namespace with a libc of its own
 *
 * Context  TEST: for LD_AUDIT; it allocates in its calls, and counts them.
 */
#include <link.h>
#include <stdlib.h>

static unsigned long calls;

unsigned la_version(unsigned version)
{
	return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t lmid, uintptr_t *cookie)
{
	char *volatile p = malloc(100);

	(void)map;
	(void)lmid;
	(void)cookie;
	free(p);
	calls++;
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *sym, unsigned n, uintptr_t *from, uintptr_t *to, unsigned *flags,
		       const char *name)
{
	(void)n;
	(void)from;
	(void)to;
	(void)flags;
	(void)name;
	calls++;
	return sym->st_value;
}
