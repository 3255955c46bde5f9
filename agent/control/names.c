/* SPDX-License-Identifier: MIT */
/*
 * names.c - names for batches of frames, from symbol tables: functions, and variables
 *
 * Context  CONTROL
 * Calls    rt, elf, utf8, symcache, maps, modfile.
 * Holds    Tables are asked in the order .symtab, the debug file's .symtab, .dynsym,
 *          PLT; the first that owns an address names it.
 * Fails    No memory: no_memory is set, and the frame stays without a name.
 */
#include "names.h"

#include "symcache.h"

#include "../elf/demangle.h"
#include "../output/utf8.h"
#include "../rt/buf.h"
#include "../rt/sys.h"

#include <string.h>

/* Profiles carry valid UTF-8 only, symbol tables carry anything. */
static void clean(char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ')
			s[i] = '?';
	for (size_t at = 0; (at += cp_utf8_valid(s + at, n - at)) < n; at++)
		s[at] = '?';
}

void cp_names_both(struct cp_names *k, const char *symbol, const char **name, const char **mangled)
{
	size_t len = cp_demangle_unversioned(symbol);
	char *raw = k->raw;

	len = CP_MIN(len, sizeof(k->raw) - 1);
	memmove(raw, symbol, len);
	raw[len] = 0;
	cp_demangle(raw, k->readable, sizeof(k->readable));
	clean(raw);
	clean(k->readable);
	*mangled = cp_symcache_string(k->job, raw, len);
	*name = cp_symcache_string(k->job, k->readable, strlen(k->readable));
	if (!*name || !*mangled)
		k->no_memory = true;
}

const char *cp_names_as_is(struct cp_names *k, const char *text)
{
	size_t len = strnlen(text, sizeof(k->raw) - 1);
	const char *kept;

	memmove(k->raw, text, len);
	k->raw[len] = 0;
	clean(k->raw);
	kept = cp_symcache_string(k->job, k->raw, len);
	k->no_memory |= !kept;
	return kept;
}

void cp_names_set(struct cp_names *k, struct cp_wanted *w, const char *symbol)
{
	cp_names_both(k, symbol, &w->name, &w->mangled);
}

void cp_names_by_address(struct cp_names *k, struct cp_wanted *w, const char *label, uintptr_t bias)
{
	const char *slash = strrchr(label, '/');
	struct cp_buf b = CP_BUF(k->raw);

	cp_buf_fmt(&b, "%s+0x%lx", slash ? slash + 1 : label, cp_frame_addr(w->frame) - bias);
	clean(k->raw);
	w->name = w->mangled = cp_symcache_string(k->job, k->raw, strlen(k->raw));
	if (!w->name)
		k->no_memory = true;
}

/* The addresses of all frames, those that have a name marked as found. False: all have. */
static bool prepare(struct cp_names *k, const struct cp_wanted *w, size_t n, uintptr_t bias)
{
	size_t found = 0;

	memset(k->q, 0, n * sizeof(*k->q));
	for (size_t i = 0; i < n; i++) {
		k->q[i].addr = cp_frame_addr(w[i].frame) - bias;
		k->q[i].found = w[i].name != NULL;
		found += k->q[i].found;
	}
	return found < n;
}

/* A lock in a structure is told from the next one by its place there. */
static void add_offset(struct cp_names *k, struct cp_wanted *w, uint64_t offset)
{
	struct cp_buf b = CP_BUF(k->raw);

	if (!offset || !w->name)
		return;
	cp_buf_fmt(&b, "%s+0x%lx", w->name, offset);
	w->name = cp_symcache_string(k->job, k->raw, strlen(k->raw));
	k->no_memory |= !w->name;
}

static void take_name(struct cp_names *k, const struct cp_elf *e, const struct cp_elf_part *strings,
		      size_t i, struct cp_wanted *w)
{
	const struct cp_symtab_query *q = &k->q[i];
	bool is_code = cp_elf_text_of(e, q->addr) != NULL;

	w[i].placed = is_code;
	w[i].offset = (uint32_t)(q->addr - q->value);
	/* Neighbours mostly lie in one function. */
	if (i && is_code && w[i - 1].name && k->q[i - 1].found && q[-1].name == q->name &&
	    q[-1].value == q->value) {
		w[i].name = w[i - 1].name;
		w[i].mangled = w[i - 1].mangled;
	} else if (cp_elf_string(&e->src, strings, q->name, k->raw, sizeof(k->raw))) {
		cp_names_set(k, &w[i], k->raw);
		if (!is_code)
			add_offset(k, &w[i], q->addr - q->value);
	}
}

static void from_table(struct cp_names *k, const struct cp_elf *e,
		       const struct cp_elf_symbols *symbols, struct cp_wanted *w, size_t n,
		       uintptr_t bias)
{
	if (!prepare(k, w, n, bias))
		return;
	cp_symtab_resolve(e, symbols, k->q, n, &k->work);
	for (size_t i = 0; i < n; i++)
		if (!w[i].name && k->q[i].found)
			take_name(k, e, &symbols->strings, i, w);
}

static void from_plt(struct cp_names *k, const struct cp_elf *e, struct cp_wanted *w, size_t n,
		     uintptr_t bias)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t addr = cp_frame_addr(w[i].frame) - bias;
		size_t len;

		if (w[i].name)
			continue;
		len = cp_symtab_plt_name(e, addr, k->raw, sizeof(k->raw) - sizeof("@plt"));
		if (!len)
			continue;
		memcpy(k->raw + len, "@plt", sizeof("@plt"));
		w[i].name = w[i].mangled = cp_symcache_string(k->job, k->raw, len + 4);
	}
}

void cp_names_object(struct cp_names *k, const struct cp_modfile *f, uintptr_t bias,
		     struct cp_wanted *w, size_t n)
{
	if (f->has_main)
		from_table(k, &f->main, &f->main.symtab, w, n, bias);
	if (f->has_debug && !f->main.symtab.table.size)
		from_table(k, &f->debug, &f->debug.symtab, w, n, bias);
	if (f->has_main) {
		from_table(k, &f->main, &f->main.dynsym, w, n, bias);
		from_plt(k, &f->main, w, n, bias);
	}
}

/* --- frames of no module ---------------------------------------------- */

/* A file the program mapped by itself is believed when what is in memory is what the
 * file says; its bias follows from the segment that was mapped. */
static bool open_mapped(struct cp_elf *e, const struct cp_map *map, uintptr_t *bias)
{
	char in_memory[64], in_file[64];

	if (cp_elf_open(e, map->file) < 0)
		return false;
	if (cp_sys_copy(in_memory, map->start, sizeof(in_memory)) == sizeof(in_memory) &&
	    cp_elf_read(&e->src, map->offset, in_file, sizeof(in_file)) &&
	    !memcmp(in_memory, in_file, sizeof(in_file)))
		for (unsigned i = 0; i < e->head.e_phnum; i++) {
			Elf64_Phdr p;

			if (!cp_elf_read(&e->src, e->head.e_phoff + i * sizeof(p), &p, sizeof(p)))
				break;
			if (p.p_type != PT_LOAD || (p.p_offset & -CP_PAGE) > map->offset ||
			    p.p_offset + p.p_filesz <= map->offset)
				continue;
			*bias = map->start - map->offset + p.p_offset - p.p_vaddr;
			return true;
		}
	cp_elf_close(e);
	return false;
}

/* What is mapped there may be an object, and know. */
static void from_mapping(struct cp_names *k, const struct cp_map *map, struct cp_wanted *w,
			 size_t n)
{
	struct cp_modfile f = {.main.src.fd = -1, .debug.src.fd = -1};
	uintptr_t bias = map->start;

	if (!strcmp(map->file, "[vdso]"))
		f.has_main = !cp_elf_open_image(&f.main, map->start, map->end, bias);
	else if (map->file[0] == '/')
		f.has_main = open_mapped(&f.main, map, &bias);
	cp_names_object(k, &f, bias, w, n);
	cp_modfile_close(&f);
}

static void from_mappings(struct cp_names *k, const struct cp_maps *maps, struct cp_wanted *w,
			  size_t n)
{
	for (size_t i = 0, end; i < n && !k->no_memory; i = end) {
		size_t at = cp_maps_of(maps, w[i].frame);

		for (end = i + 1; end < n && cp_maps_of(maps, w[end].frame) == at;)
			end++;
		from_mapping(k, &maps->map[at], w + i, end - i);
	}
}

/* Marks what no object names; false: there is none. */
static bool mark_made(struct cp_wanted *w, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		w[i].made = !w[i].name;
		any |= w[i].made;
	}
	return any;
}

void cp_names_loose(struct cp_names *k, struct cp_wanted *w, size_t n)
{
	struct cp_maps maps = {NULL, 0, 0};

	k->no_memory |= cp_maps_read(k->scratch, &maps) < 0;
	if (k->no_memory)
		return;
	from_mappings(k, &maps, w, n);
	/* Once for all mappings: a JIT has hundreds, and its perf map may be large. They are not
	 * all anonymous: a file in memory, mapped twice, is written by one, and run by the other.
	 */
	if (mark_made(w, n))
		cp_perfmap_names(k, w, n);
	for (size_t i = 0; i < n && !k->no_memory; i++) {
		const struct cp_map *map = &maps.map[cp_maps_of(&maps, w[i].frame)];
		/* JIT code is named by its address alone: its mappings come and go. */
		bool is_jit = !strcmp(map->file, "[anon]");

		if (!w[i].name)
			cp_names_by_address(k, &w[i], map->file,
					    is_jit ? 0 : map->start - map->offset);
	}
}
