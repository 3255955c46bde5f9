/* SPDX-License-Identifier: MIT */
/*
 * lines_section.c - the DWARF sections of an object file, unpacked when need be
 *
 * Context  cprof-lines; one thread
 * Calls    mmap, zlib.
 * Holds    Sections lie in the file's mapping, or in memory counted by cp_lines_room.
 * Why      Mapped, not read: of large debug data few pages are touched. A file cut
 *          short under us ends this program, and the agent goes without lines.
 */
#include "lines_unit.h"

#include "lines.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char *const names[CP_DW_SECTIONS] = {
	[CP_DW_INFO] = ".debug_info",
	[CP_DW_ABBREV] = ".debug_abbrev",
	[CP_DW_LINE] = ".debug_line",
	[CP_DW_STR] = ".debug_str",
	[CP_DW_LINE_STR] = ".debug_line_str",
	[CP_DW_RANGES] = ".debug_ranges",
	[CP_DW_RNGLISTS] = ".debug_rnglists",
	[CP_DW_ADDR] = ".debug_addr",
	[CP_DW_STR_OFFSETS] = ".debug_str_offsets",
};

static bool map_file(struct cp_dw *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size >= (off_t)sizeof(Elf64_Ehdr)) {
		d->map_size = (size_t)st.st_size;
		d->map = mmap(NULL, d->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (d->map == MAP_FAILED)
			d->map = NULL;
	}
	close(fd);
	return d->map != NULL;
}

static bool unpack(struct cp_dw *d, unsigned which, const uint8_t *p, uint64_t size)
{
	Elf64_Chdr head;
	uLongf n;

	if (size < sizeof(head))
		return false;
	memcpy(&head, p, sizeof(head));
	n = head.ch_size;
	if (head.ch_type != ELFCOMPRESS_ZLIB || !cp_lines_room(n))
		return false;
	d->unpacked[which] = malloc(n ? n : 1);
	if (!d->unpacked[which] ||
	    uncompress(d->unpacked[which], &n, p + sizeof(head), size - sizeof(head)) != Z_OK)
		return false;
	d->section[which] =
		(struct cp_leb){d->unpacked[which], (uint8_t *)d->unpacked[which] + n, false};
	return true;
}

static bool take_section(struct cp_dw *d, const Elf64_Shdr *s, const char *name)
{
	const uint8_t *p = (const uint8_t *)d->map + s->sh_offset;

	for (unsigned i = 0; i < CP_DW_SECTIONS; i++) {
		if (strcmp(name, names[i]) != 0 || s->sh_type == SHT_NOBITS)
			continue;
		if (s->sh_offset > d->map_size || s->sh_size > d->map_size - s->sh_offset)
			return false;
		if (s->sh_flags & SHF_COMPRESSED)
			return unpack(d, i, p, s->sh_size);
		d->section[i] = (struct cp_leb){p, p + s->sh_size, false};
	}
	return true;
}

static bool take_sections(struct cp_dw *d)
{
	Elf64_Ehdr head;
	Elf64_Shdr s, strings;
	const char *text = d->map;

	memcpy(&head, d->map, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_shentsize != sizeof(s) || head.e_shstrndx >= head.e_shnum ||
	    head.e_shoff > d->map_size || head.e_shnum * sizeof(s) > d->map_size - head.e_shoff)
		return false;
	memcpy(&strings, text + head.e_shoff + head.e_shstrndx * sizeof(s), sizeof(s));
	for (unsigned i = 0; i < head.e_shnum; i++) {
		uint64_t name;

		memcpy(&s, text + head.e_shoff + i * sizeof(s), sizeof(s));
		name = strings.sh_offset + s.sh_name;
		if (name >= d->map_size || !memchr(text + name, 0, d->map_size - name))
			return false;
		if (!take_section(d, &s, text + name))
			return false;
	}
	return true;
}

bool cp_dw_open(struct cp_dw *d, const char *path, const char **why)
{
	memset(d, 0, sizeof(*d));
	*why = NULL;
	if (!map_file(d, path))
		*why = "can't map the file";
	else if (!take_sections(d))
		*why = "sections that can't be read";
	else if (!d->section[CP_DW_INFO].p || !d->section[CP_DW_ABBREV].p)
		*why = "no debug data";
	if (*why)
		cp_dw_close(d);
	return !*why;
}

void cp_dw_close(struct cp_dw *d)
{
	for (unsigned i = 0; i < CP_DW_SECTIONS; i++)
		free(d->unpacked[i]);
	free(d->abbrev);
	free(d->unit);
	if (d->map)
		munmap(d->map, d->map_size);
	memset(d, 0, sizeof(*d));
}
