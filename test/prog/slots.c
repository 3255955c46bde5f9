/* SPDX-License-Identifier: MIT */
/*
 * slots.c - says where its calls of the malloc family lead
 *
 * Context  TEST: of each slot of the program's own the function, the kind (call or pointer),
 *          and the object that serves it.
 */
// cflags: -Wl,-z,now
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const family[] = {"malloc", "calloc", "realloc", "free", "malloc_usable_size"};
static size_t (*volatile ask)(void *) = malloc_usable_size;
static void (*volatile release)(void *) = free;

static void say(const char *kind, const char *name, const void *fn)
{
	Dl_info in;
	const char *base;

	for (size_t i = 0; i < sizeof(family) / sizeof(family[0]); i++) {
		if (strcmp(name, family[i]) || !dladdr(fn, &in))
			continue;
		base = strrchr(in.dli_fname, '/');
		printf("%s %s %s\n", kind, name, base ? base + 1 : in.dli_fname);
	}
}

static void *table(ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag; d++)
		if (d->d_tag == tag)
			return (void *)d->d_un.d_ptr;
	return NULL;
}

int main(void)
{
	const ElfW(Sym) *sym = table(DT_SYMTAB);
	const ElfW(Rela) *r = table(DT_JMPREL);
	size_t n = (size_t)table(DT_PLTRELSZ) / sizeof(*r);
	ElfW(Addr) base = 0;
	struct link_map *self;
	char *p = realloc(malloc(10), 20), *q = calloc(2, 10);

	if (malloc_usable_size(p) < 20 || ask(q) < 20)
		puts("too little");
	free(p);
	release(q);
	self = dlopen(NULL, RTLD_NOW);
	base = self->l_addr;
	for (size_t i = 0; i < n; i++)
		say("call", (const char *)table(DT_STRTAB) + sym[ELF64_R_SYM(r[i].r_info)].st_name,
		    *(void **)(base + r[i].r_offset));
	say("pointer", "malloc_usable_size", (void *)ask);
	say("pointer", "free", (void *)release);
	return 0;
}
