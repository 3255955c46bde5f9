/* SPDX-License-Identifier: MIT */
/*
 * object.c - a loaded object as the dynamic linker left it
 *
 * Context  ANY
 * Calls    nothing: no allocation, so that it may be asked while malloc is unknown.
 * Fails    An object without DT_GNU_HASH: its symbols are not found. None has come
 *          without since linkers made it the default.
 */
#include "object.h"

#include <string.h>
#include <sys/mman.h>

static uintptr_t distance(uintptr_t a, uintptr_t b)
{
	return a < b ? b - a : a - b;
}

/* glibc adds the base in place, except where the section can't be written. What it leads to lies
 * in the same object as the section. */
static uintptr_t pointer(const struct cp_object *o, const ElfW(Dyn) * d)
{
	uintptr_t as_is = d->d_un.d_ptr, moved = o->base + as_is, near = (uintptr_t)d;

	return distance(as_is, near) < distance(moved, near) ? as_is : moved;
}

bool cp_object_read_dynamic(struct cp_object *o, const ElfW(Dyn) * d)
{
	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			o->sym = (void *)pointer(o, d);
		else if (d->d_tag == DT_STRTAB)
			o->str = (void *)pointer(o, d);
		else if (d->d_tag == DT_GNU_HASH)
			o->hash = (void *)pointer(o, d);
		else if (d->d_tag == DT_VERSYM)
			o->versym = (void *)pointer(o, d);
		else if (d->d_tag == DT_VERDEF)
			o->verdef = (void *)pointer(o, d);
		else if (d->d_tag == DT_RELA)
			o->rela = (void *)pointer(o, d);
		else if (d->d_tag == DT_RELASZ)
			o->relas = d->d_un.d_val / sizeof(*o->rela);
		else if (d->d_tag == DT_JMPREL)
			o->jump = (void *)pointer(o, d);
		else if (d->d_tag == DT_PLTRELSZ)
			o->jumps = d->d_un.d_val / sizeof(*o->jump);
	}
	return o->sym && o->str;
}

bool cp_object_read(struct cp_object *o, const struct dl_phdr_info *info)
{
	*o = (struct cp_object){.base = info->dlpi_addr, .info = info};
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return cp_object_read_dynamic(
				o, (void *)(o->base + info->dlpi_phdr[i].p_vaddr));
	return false;
}

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct dl_phdr_info cp_object_own(void)
{
	uintptr_t base = (uintptr_t)&__ehdr_start;

	return (struct dl_phdr_info){
		.dlpi_addr = base,
		.dlpi_phdr = (const void *)(base + __ehdr_start.e_phoff),
		.dlpi_phnum = __ehdr_start.e_phnum,
	};
}

int cp_object_protection(const struct cp_object *o, uintptr_t at)
{
	int prot = 0;

	for (unsigned i = 0; i < o->info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &o->info->dlpi_phdr[i];

		if (at < o->base + ph->p_vaddr || at >= o->base + ph->p_vaddr + ph->p_memsz)
			continue;
		/* The loader protects whole pages: on a last one that isn't lie variables too. */
		if (ph->p_type == PT_GNU_RELRO &&
		    at < (o->base + ph->p_vaddr + ph->p_memsz) / CP_PAGE * CP_PAGE)
			return PROT_READ;
		if (ph->p_type == PT_LOAD)
			prot = (ph->p_flags & PF_R ? PROT_READ : 0) |
			       (ph->p_flags & PF_W ? PROT_WRITE : 0) |
			       (ph->p_flags & PF_X ? PROT_EXEC : 0);
	}
	return prot;
}

uint32_t cp_object_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* The section: number of buckets, first symbol, words of filter, a shift; the filter;
 * the buckets; then one hash per symbol, whose lowest bit ends a bucket's chain. */
#define WORD_BITS (8 * sizeof(ElfW(Addr)))

static const uint32_t *buckets(const struct cp_object *o)
{
	return o->hash + 4 + o->hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
}

static const uint32_t *chain_at(const struct cp_object *o, uint32_t i)
{
	return buckets(o) + o->hash[0] + i - o->hash[1];
}

/* Where its chain begins; 0: the object has none of this hash. */
static uint32_t first_of(const struct cp_object *o, uint32_t h)
{
	const ElfW(Addr) *filter = (const void *)(o->hash + 4);
	ElfW(Addr) word = filter[h / WORD_BITS % o->hash[2]];
	uint32_t i;

	if (!(word >> h % WORD_BITS & word >> (h >> o->hash[3]) % WORD_BITS & 1))
		return 0;
	i = buckets(o)[h % o->hash[0]];
	return i < o->hash[1] ? 0 : i;
}

static uint32_t next_to(const struct cp_object *o, const ElfW(Sym) * after)
{
	uint32_t i = (uint32_t)(after - o->sym);

	return *chain_at(o, i) & 1 ? 0 : i + 1;
}

ElfW(Sym) * cp_object_next(const struct cp_object *o, const char *name, uint32_t hash,
			   const ElfW(Sym) * after)
{
	uint32_t i;

	if (!o->hash || !o->hash[0] || !o->hash[2])
		return NULL;
	for (i = after ? next_to(o, after) : first_of(o, hash); i; i = next_to(o, &o->sym[i]))
		if ((*chain_at(o, i) | 1) == (hash | 1) &&
		    !strcmp(o->str + o->sym[i].st_name, name))
			return &o->sym[i];
	return NULL;
}

ElfW(Sym) * cp_object_find(const struct cp_object *o, const char *name)
{
	ElfW(Sym) *sym = cp_object_next(o, name, cp_object_hash(name), NULL);

	return sym && ELF64_ST_TYPE(sym->st_info) == STT_FUNC ? sym : NULL;
}

#define HIDDEN 0x8000 /* or'd to a symbol's number of its version */

const char *cp_object_version(const struct cp_object *o, const ElfW(Sym) * s, bool *old)
{
	ElfW(Half) number = o->versym ? o->versym[s - o->sym] : 0;
	const char *at = o->versym ? o->verdef : NULL;

	*old = number & HIDDEN;
	while (at) {
		const ElfW(Verdef) *d = (const void *)at;

		if (d->vd_ndx == (number & ~HIDDEN))
			return o->str + ((const ElfW(Verdaux) *)(at + d->vd_aux))->vda_name;
		at = d->vd_next ? at + d->vd_next : NULL;
	}
	return NULL;
}
