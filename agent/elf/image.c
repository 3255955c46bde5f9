/* SPDX-License-Identifier: MIT */
/*
 * image.c - the dynamic symbols of an object as they lie in memory
 *
 * Context  CONTROL
 * Calls    rt and elf.h.
 * Holds    Every read goes through the kernel: an object that is unloaded at this
 *          moment gives no symbols, not a fault.
 * Why      For a file that was deleted or replaced, and for the vDSO, which has none.
 */
#include "elf.h"

#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

#define SYMBOLS_MAX 4000000U
#define DYNAMIC_MAX 256U

struct image {
	struct cp_elf *e;
	uintptr_t start, end, bias;
	uint64_t symtab, strtab, strsz, hash, gnu_hash;
};

/* The loader turns most of these pointers into addresses, but not all, and not in
 * the vDSO: one that lies in the object already needs no bias. */
static uint64_t offset_of(const struct image *im, uint64_t ptr)
{
	if (ptr < im->start || ptr >= im->end)
		ptr += im->bias;
	return ptr >= im->start && ptr < im->end ? ptr - im->start : UINT64_MAX;
}

static void take_entry(struct image *im, const Elf64_Dyn *d)
{
	switch (d->d_tag) {
	case DT_SYMTAB:
		im->symtab = offset_of(im, d->d_un.d_ptr);
		break;
	case DT_STRTAB:
		im->strtab = offset_of(im, d->d_un.d_ptr);
		break;
	case DT_STRSZ:
		im->strsz = d->d_un.d_val;
		break;
	case DT_HASH:
		im->hash = offset_of(im, d->d_un.d_ptr);
		break;
	case DT_GNU_HASH:
		im->gnu_hash = offset_of(im, d->d_un.d_ptr);
		break;
	default:
		break;
	}
}

static void take_dynamic(struct image *im, uint64_t vaddr)
{
	uint64_t at = offset_of(im, vaddr);
	Elf64_Dyn d;

	for (unsigned i = 0; i < DYNAMIC_MAX && at != UINT64_MAX; i++, at += sizeof(d)) {
		if (!cp_elf_read(&im->e->src, at, &d, sizeof(d)) || d.d_tag == DT_NULL)
			return;
		take_entry(im, &d);
	}
}

/* The hash table has no count of symbols: the last one ends the longest chain. */
static uint32_t count_gnu(const struct image *im)
{
	uint32_t head[4], last = 0; /* buckets, first symbol, bloom words, shift */
	uint64_t buckets, chains;

	if (!cp_elf_read(&im->e->src, im->gnu_hash, head, sizeof(head)) || head[0] > SYMBOLS_MAX ||
	    head[2] > SYMBOLS_MAX)
		return 0;
	buckets = im->gnu_hash + sizeof(head) + 8ULL * head[2];
	chains = buckets + 4ULL * head[0];
	for (uint32_t i = 0; i < head[0]; i++) {
		uint32_t first;

		if (!cp_elf_read(&im->e->src, buckets + 4ULL * i, &first, sizeof(first)))
			return 0;
		last = CP_MAX(last, first);
	}
	for (; last >= head[1] && last < SYMBOLS_MAX; last++) {
		uint32_t hash;

		if (!cp_elf_read(&im->e->src, chains + 4ULL * (last - head[1]), &hash,
				 sizeof(hash)))
			return 0;
		if (hash & 1)
			return last + 1;
	}
	return 0;
}

static uint32_t count_symbols(const struct image *im)
{
	uint32_t head[2]; /* buckets, symbols */

	if (im->gnu_hash != UINT64_MAX)
		return count_gnu(im);
	if (im->hash == UINT64_MAX || !cp_elf_read(&im->e->src, im->hash, head, sizeof(head)))
		return 0;
	return CP_MIN(head[1], SYMBOLS_MAX);
}

/* Sections are not loaded: the executable segments stand in for those of code. */
static void take_segment(struct image *im, const Elf64_Phdr *p, uint32_t index)
{
	struct cp_elf *e = im->e;

	if (p->p_type == PT_DYNAMIC)
		take_dynamic(im, p->p_vaddr);
	if (p->p_type == PT_LOAD && p->p_flags & PF_X && e->ntext < CP_ELF_TEXT_MAX)
		e->text[e->ntext++] =
			(struct cp_elf_text){p->p_vaddr, p->p_vaddr + p->p_memsz, index};
}

static bool read_header(struct cp_elf *e)
{
	return cp_elf_read(&e->src, 0, &e->head, sizeof(e->head)) &&
	       !memcmp(e->head.e_ident, ELFMAG, SELFMAG) &&
	       e->head.e_ident[EI_CLASS] == ELFCLASS64 && e->head.e_phentsize == sizeof(Elf64_Phdr);
}

int cp_elf_open_image(struct cp_elf *e, uintptr_t start, uintptr_t end, uintptr_t bias)
{
	struct image im = {e, start, end, bias, UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, UINT64_MAX};
	uint64_t n;

	memset(e, 0, sizeof(*e));
	e->src = (struct cp_elf_source){-1, start, end - start};
	e->image = true;
	if (end <= start || !read_header(e))
		return -ENOEXEC;
	for (uint32_t i = 0; i < e->head.e_phnum; i++) {
		Elf64_Phdr p;

		if (!cp_elf_read(&e->src, e->head.e_phoff + i * sizeof(p), &p, sizeof(p)))
			break;
		take_segment(&im, &p, i);
	}
	n = (uint64_t)count_symbols(&im) * sizeof(Elf64_Sym);
	if (im.symtab == UINT64_MAX || im.strtab == UINT64_MAX || !n)
		return -ENOENT;
	n = CP_MIN(n, e->src.size - im.symtab);
	e->dynsym.table = (struct cp_elf_part){im.symtab, n};
	e->dynsym.strings =
		(struct cp_elf_part){im.strtab, CP_MIN(im.strsz, e->src.size - im.strtab)};
	return 0;
}
