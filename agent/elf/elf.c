/* SPDX-License-Identifier: MIT */
/*
 * elf.c - reads object files: sections, build-id, debug link
 *
 * Context  CONTROL, and separate programs
 * Calls    rt only (system calls; memcpy).
 * Holds    see elf.h
 */
#include "elf.h"

#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

#define SECTIONS_AT_ONCE 32U
#define NAME_MAX_BYTES	 32U

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_ENCODING ELFDATA2LSB
#else
#define OUR_ENCODING ELFDATA2MSB
#endif

static long read_some(const struct cp_elf_source *src, uint64_t offset, void *buf, size_t n)
{
	if (src->fd >= 0)
		return cp_sys_pread(src->fd, buf, n, offset);
	return cp_sys_copy(buf, src->mem + offset, n);
}

bool cp_elf_read(const struct cp_elf_source *src, uint64_t offset, void *buf, size_t n)
{
	char *p = buf;

	if (offset > src->size || n > src->size - offset)
		return false;
	while (n) {
		long r = read_some(src, offset, p, n);

		if (r == -EINTR)
			continue;
		if (r <= 0)
			return false;
		p += r;
		offset += (uint64_t)r;
		n -= (size_t)r;
	}
	return true;
}

size_t cp_elf_string(const struct cp_elf_source *src, const struct cp_elf_part *strings,
		     uint64_t offset, char *buf, size_t cap)
{
	size_t have = 0;

	if (offset >= strings->size)
		return 0;
	/* In growing steps: most names are short, and each byte read is copied. */
	for (size_t step = 64; have + 1 < cap; step *= 2) {
		size_t left = CP_MIN(strings->size - offset - have, cap - 1 - have);
		size_t n = CP_MIN(step, left);
		size_t len;

		if (!n || !cp_elf_read(src, strings->offset + offset + have, buf + have, n))
			break;
		len = strnlen(buf + have, n);
		have += len;
		if (len < n)
			break;
	}
	buf[have] = 0;
	return have;
}

/* The section's bytes lie in the file, whole; else it is as if it were absent. */
static struct cp_elf_part part_of(const struct cp_elf *e, const Elf64_Shdr *s)
{
	struct cp_elf_part none = {0, 0};

	if (s->sh_type == SHT_NOBITS || s->sh_offset > e->src.size ||
	    s->sh_size > e->src.size - s->sh_offset || s->sh_flags & SHF_COMPRESSED)
		return none;
	return (struct cp_elf_part){s->sh_offset, s->sh_size};
}

static bool read_section(const struct cp_elf *e, uint64_t index, Elf64_Shdr *s)
{
	return index < e->head.e_shnum &&
	       cp_elf_read(&e->src, e->head.e_shoff + index * sizeof(*s), s, sizeof(*s));
}

static void take_symbols(struct cp_elf *e, const Elf64_Shdr *s, struct cp_elf_symbols *out)
{
	Elf64_Shdr strings;

	if (s->sh_entsize != sizeof(Elf64_Sym) || !read_section(e, s->sh_link, &strings))
		return;
	out->table = part_of(e, s);
	out->strings = part_of(e, &strings);
	if (!out->strings.size)
		out->table.size = 0;
}

/* Notes are 4-aligned name and description behind a three-word header. */
static void take_build_id(struct cp_elf *e, uint64_t offset, uint64_t size)
{
	Elf64_Nhdr n;
	uint64_t at = 0;

	while (size - at >= sizeof(n) && cp_elf_read(&e->src, offset + at, &n, sizeof(n))) {
		uint64_t name = CP_ALIGN_UP((uint64_t)n.n_namesz, 4);
		uint64_t desc = CP_ALIGN_UP((uint64_t)n.n_descsz, 4);

		at += sizeof(n);
		if (name + desc > size - at)
			return;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    n.n_descsz <= CP_ELF_BUILD_ID_MAX &&
		    cp_elf_read(&e->src, offset + at + name, e->build_id, n.n_descsz)) {
			e->build_id_len = (uint8_t)n.n_descsz;
			return;
		}
		at += name + desc;
	}
}

static void take_text(struct cp_elf *e, const Elf64_Shdr *s, const char *name, uint32_t index)
{
	struct cp_elf_text t = {s->sh_addr, s->sh_addr + s->sh_size, index};

	if (t.end < t.addr || !(s->sh_flags & SHF_ALLOC))
		return;
	if (!strcmp(name, ".plt"))
		e->plt = t;
	if (!strcmp(name, ".plt.sec"))
		e->plt_sec = t;
	if (e->ntext < CP_ELF_TEXT_MAX)
		e->text[e->ntext++] = t;
}

static void take_by_name(struct cp_elf *e, const Elf64_Shdr *s, const char *name)
{
	if (!strncmp(name, ".debug_", 7) || !strncmp(name, ".zdebug_", 8)) {
		if (s->sh_type != SHT_NOBITS)
			e->dwarf_size += CP_MIN(s->sh_size, e->src.size);
		if (s->sh_type != SHT_NOBITS && !strcmp(strchr(name, '_'), "_line"))
			e->has_lines = true;
	} else if (!strcmp(name, ".gnu_debuglink")) {
		e->debug_link = part_of(e, s);
	} else if (!strcmp(name, ".gnu_debugdata")) {
		e->debug_data = part_of(e, s);
	} else if (!strcmp(name, ".rela.plt") && s->sh_entsize == sizeof(Elf64_Rela)) {
		e->plt_relocs = part_of(e, s);
	}
}

static void take_section(struct cp_elf *e, const Elf64_Shdr *s, const struct cp_elf_part *names,
			 uint32_t index)
{
	char name[NAME_MAX_BYTES] = "";

	cp_elf_string(&e->src, names, s->sh_name, name, sizeof(name));
	if (s->sh_type == SHT_SYMTAB)
		take_symbols(e, s, &e->symtab);
	else if (s->sh_type == SHT_DYNSYM)
		take_symbols(e, s, &e->dynsym);
	else if (s->sh_type == SHT_NOTE && !e->build_id_len && part_of(e, s).size)
		take_build_id(e, s->sh_offset, s->sh_size);
	if (s->sh_flags & SHF_EXECINSTR)
		take_text(e, s, name, index);
	else
		take_by_name(e, s, name);
}

static int take_sections(struct cp_elf *e)
{
	Elf64_Shdr some[SECTIONS_AT_ONCE] = {{0}}, names;
	struct cp_elf_part strings = {0, 0};
	uint32_t total = e->head.e_shnum;

	if (e->head.e_shentsize != sizeof(Elf64_Shdr) || !total)
		return 0; /* sstripped: nothing to be had but the program headers */
	if (read_section(e, e->head.e_shstrndx, &names))
		strings = part_of(e, &names);
	for (uint32_t i = 0; i < total; i += SECTIONS_AT_ONCE) {
		uint32_t n = CP_MIN(total - i, SECTIONS_AT_ONCE);

		if (!cp_elf_read(&e->src, e->head.e_shoff + i * sizeof(*some), some,
				 n * sizeof(*some)))
			return -ENOEXEC;
		for (uint32_t k = 0; k < n; k++)
			take_section(e, &some[k], &strings, i + k);
	}
	return 0;
}

/* A build-id outlives `strip --strip-section-headers` in its program header. */
static void take_program_notes(struct cp_elf *e)
{
	for (uint32_t i = 0; i < e->head.e_phnum && !e->build_id_len; i++) {
		Elf64_Phdr p;

		if (!cp_elf_read(&e->src, e->head.e_phoff + i * sizeof(p), &p, sizeof(p)))
			return;
		if (p.p_type == PT_NOTE && p.p_offset <= e->src.size &&
		    p.p_filesz <= e->src.size - p.p_offset)
			take_build_id(e, p.p_offset, p.p_filesz);
	}
}

static int read_headers(struct cp_elf *e)
{
	const unsigned char *id = e->head.e_ident;

	if (!cp_elf_read(&e->src, 0, &e->head, sizeof(e->head)) ||
	    memcmp(id, ELFMAG, SELFMAG) != 0 || id[EI_CLASS] != ELFCLASS64 ||
	    id[EI_DATA] != OUR_ENCODING)
		return -ENOEXEC;
	if (e->head.e_phnum && e->head.e_phentsize != sizeof(Elf64_Phdr))
		e->head.e_phnum = 0;
	return 0;
}

static int read_whole(struct cp_elf *e)
{
	int r = read_headers(e);

	if (!r)
		r = take_sections(e);
	if (!r)
		take_program_notes(e);
	return r;
}

int cp_elf_open(struct cp_elf *e, const char *path)
{
	/* O_NONBLOCK: a FIFO that took the library's place must not hold us. */
	long fd = cp_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	int r;

	memset(e, 0, sizeof(*e));
	e->src.fd = (int)fd;
	if (fd < 0)
		return (int)fd;
	r = (int)cp_sys_fstat(e->src.fd, &st);
	if (!r && !S_ISREG(st.st_mode))
		r = -ENOEXEC;
	e->src.size = r ? 0 : (uint64_t)st.st_size;
	if (!r)
		r = read_whole(e);
	if (r)
		cp_elf_close(e);
	return r;
}

int cp_elf_open_memory(struct cp_elf *e, const void *p, size_t size)
{
	memset(e, 0, sizeof(*e));
	e->src = (struct cp_elf_source){-1, (uintptr_t)p, size};
	return read_whole(e);
}

void cp_elf_close(struct cp_elf *e)
{
	if (e->src.fd >= 0)
		cp_sys_close(e->src.fd);
	e->src.fd = -1;
	e->src.size = 0;
}

bool cp_elf_is(const struct cp_elf *e, const uint8_t *id, unsigned len)
{
	return len && e->build_id_len == len && !memcmp(e->build_id, id, len);
}

const struct cp_elf_text *cp_elf_text_of(const struct cp_elf *e, uint64_t vaddr)
{
	for (unsigned i = 0; i < e->ntext; i++)
		if (vaddr >= e->text[i].addr && vaddr < e->text[i].end)
			return &e->text[i];
	return NULL;
}
