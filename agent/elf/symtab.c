/* SPDX-License-Identifier: MIT */
/*
 * symtab.c - which symbol an address belongs to
 *
 * Context  CONTROL, and separate programs
 * Calls    rt and elf.h.
 * Holds    The table is read once, in chunks, and never kept: M symbols for N
 *          addresses cost M log N, and memory for N.
 *          A symbol with a size owns exactly its bytes; of several the one that
 *          starts last; of equals, the name a person would use. One without a size
 *          (assembler) goes on to the next symbol or the end of its section.
 *          Variables own bytes outside the code only: a table in it is no caller.
 * Fails    What no symbol owns stays unnamed: a static function of a stripped
 *          library must not be charged to its neighbour.
 */
#include "symtab.h"

#include <string.h>

/* A table made up so that every symbol covers every address ends here. */
#define STEPS_MAX 100000000ULL

enum {
	RANK_LOCAL = 1,
	RANK_UNTYPED = 2,
};

struct pass {
	const struct cp_elf *e;
	const struct cp_elf_symbols *symbols;
	struct cp_symtab_query *q;
	size_t n;
	struct cp_symtab_work *work;
};

/* The first query at or above addr. */
static size_t lower_bound(const struct pass *p, uint64_t addr)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->q[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static unsigned penalty(const char *name)
{
	unsigned n = 0;

	if (!strncmp(name, "_Z", 2) || !strncmp(name, "_R", 2))
		name += 2;
	while (name[n] == '_')
		n++;
	return 2 * n + (strpbrk(name, ".$") != NULL);
}

/* Two names of one function: malloc rather than __libc_malloc. */
static bool nicer(const struct pass *p, uint64_t name, uint64_t than)
{
	char *a = p->work->name[0], *b = p->work->name[1];
	const struct cp_elf_part *strings = &p->symbols->strings;
	unsigned pa, pb;

	if (!cp_elf_string(&p->e->src, strings, name, a, CP_SYMTAB_NAME))
		return false;
	if (!cp_elf_string(&p->e->src, strings, than, b, CP_SYMTAB_NAME))
		return true;
	pa = penalty(a);
	pb = penalty(b);
	return pa != pb ? pa < pb : strcmp(a, b) < 0;
}

static bool better(const struct pass *p, const struct cp_symtab_query *q, const Elf64_Sym *s,
		   uint8_t rank)
{
	if (!q->end)
		return true;
	if (s->st_value != q->value)
		return s->st_value > q->value;
	if (rank != q->rank)
		return rank < q->rank;
	return s->st_name != q->name && nicer(p, s->st_name, q->name);
}

static void offer_sized(struct pass *p, const Elf64_Sym *s, uint8_t rank)
{
	uint64_t end = s->st_value + s->st_size;
	size_t i = lower_bound(p, s->st_value);

	if (end < s->st_value)
		return;
	if (i < p->n)
		p->q[i].sized = CP_MAX(p->q[i].sized, s->st_value);
	for (; i < p->n && p->q[i].addr < end && p->work->steps < STEPS_MAX; i++) {
		struct cp_symtab_query *q = &p->q[i];

		p->work->steps++;
		if (q->found || !better(p, q, s, rank))
			continue;
		q->value = s->st_value;
		q->end = end;
		q->name = s->st_name;
		q->rank = rank;
	}
}

/* Noted at the first address above it; carry_on() takes it from there. */
static void offer_bare(struct pass *p, const Elf64_Sym *s)
{
	size_t i = lower_bound(p, s->st_value);
	struct cp_symtab_query *q = &p->q[i];

	if (i == p->n)
		return;
	if (q->bare == UINT64_MAX || s->st_value > q->bare ||
	    (s->st_value == q->bare && nicer(p, s->st_name, q->bare_name))) {
		q->bare = s->st_value;
		q->bare_name = s->st_name;
	}
}

static void offer(struct pass *p, const Elf64_Sym *s)
{
	unsigned type = ELF64_ST_TYPE(s->st_info);
	const struct cp_elf_text *text;
	uint8_t rank = 0;

	if (s->st_shndx == SHN_UNDEF || !s->st_name)
		return;
	text = cp_elf_text_of(p->e, s->st_value);
	if (type == STT_OBJECT && !text && s->st_shndx != SHN_ABS && s->st_size)
		offer_sized(p, s, ELF64_ST_BIND(s->st_info) == STB_LOCAL ? RANK_LOCAL : 0);
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return;
	if (!text || (!p->e->image && s->st_shndx < SHN_LORESERVE && text->index != s->st_shndx))
		return;
	if (ELF64_ST_BIND(s->st_info) == STB_LOCAL)
		rank |= RANK_LOCAL;
	if (type == STT_NOTYPE)
		rank |= RANK_UNTYPED;
	if (s->st_size)
		offer_sized(p, s, rank);
	else if (s->st_shndx < SHN_LORESERVE)
		offer_bare(p, s);
}

static void stream(struct pass *p)
{
	uint64_t total = p->symbols->table.size / sizeof(Elf64_Sym);

	for (uint64_t i = 0; i < total; i += CP_SYMTAB_CHUNK) {
		uint64_t n = CP_MIN(total - i, (uint64_t)CP_SYMTAB_CHUNK);

		if (!cp_elf_read(&p->e->src, p->symbols->table.offset + i * sizeof(Elf64_Sym),
				 p->work->some, n * sizeof(Elf64_Sym)))
			return;
		for (uint64_t k = 0; k < n; k++)
			offer(p, &p->work->some[k]);
	}
}

/* A symbol without a size owns addr when nothing starts between the two. */
static bool bare_owns(const struct pass *p, const struct cp_symtab_query *q)
{
	const struct cp_elf_text *text;

	if (q->bare == UINT64_MAX || (q->sized && q->sized >= q->bare))
		return false;
	text = cp_elf_text_of(p->e, q->bare);
	return text && q->addr < text->end &&
	       !(q->addr >= p->e->plt.addr && q->addr < p->e->plt.end);
}

/* Starts noted at one address hold for all above it. */
static void carry_on(struct pass *p)
{
	uint64_t bare = UINT64_MAX, bare_name = 0, sized = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct cp_symtab_query *q = &p->q[i];

		if (q->bare != UINT64_MAX) {
			bare = q->bare;
			bare_name = q->bare_name;
		}
		sized = CP_MAX(sized, q->sized);
		q->bare = bare;
		q->sized = sized;
		if (q->found)
			continue;
		if (!q->end && bare_owns(p, q)) {
			q->value = bare;
			q->name = bare_name;
			q->end = q->addr + 1;
		}
		q->found = q->end != 0;
	}
}

void cp_symtab_resolve(const struct cp_elf *e, const struct cp_elf_symbols *symbols,
		       struct cp_symtab_query *q, size_t n, struct cp_symtab_work *work)
{
	struct pass p = {e, symbols, q, n, work};

	if (!n || !symbols->table.size)
		return;
	for (size_t i = 0; i < n; i++) {
		q[i].bare = UINT64_MAX;
		q[i].sized = 0;
		if (!q[i].found)
			q[i].end = 0;
	}
	work->steps = 0;
	stream(&p);
	carry_on(&p);
}

static uint64_t plt_index(const struct cp_elf *e, uint64_t addr)
{
#if defined(__aarch64__)
	const uint64_t head = 32;
#else
	const uint64_t head = 16;
#endif
	if (addr >= e->plt_sec.addr && addr < e->plt_sec.end)
		return (addr - e->plt_sec.addr) / 16;
	if (addr >= e->plt.addr + head && addr < e->plt.end)
		return (addr - e->plt.addr - head) / 16;
	return UINT64_MAX;
}

size_t cp_symtab_plt_name(const struct cp_elf *e, uint64_t addr, char *buf, size_t cap)
{
	uint64_t i = plt_index(e, addr);
	Elf64_Rela rel;
	Elf64_Sym sym;
	uint64_t at;

	if (i >= e->plt_relocs.size / sizeof(rel) ||
	    !cp_elf_read(&e->src, e->plt_relocs.offset + i * sizeof(rel), &rel, sizeof(rel)))
		return 0;
	at = ELF64_R_SYM(rel.r_info) * sizeof(sym);
	if (!at || at >= e->dynsym.table.size ||
	    !cp_elf_read(&e->src, e->dynsym.table.offset + at, &sym, sizeof(sym)))
		return 0;
	return cp_elf_string(&e->src, &e->dynsym.strings, sym.st_name, buf, cap);
}
