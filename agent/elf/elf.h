/* SPDX-License-Identifier: MIT */
/*
 * elf.h - reads object files: sections, build-id, debug link
 *
 * Context  CONTROL, and separate programs: blocking reads, no allocation, no libc.
 * Holds    Nothing that a file says is believed: each offset, size and index is
 *          checked against the file before it is used, and read with pread.
 * Fails    A file that does not add up is refused whole (cp_elf_open: -ENOEXEC);
 *          a part of it that does not is as if it were absent.
 * Why      No mmap: a file that is cut short under us would be a SIGBUS in the host.
 */
#ifndef CP_ELF_ELF_H
#define CP_ELF_ELF_H

#include "../rt/base.h"

#include <elf.h>

#define CP_ELF_BUILD_ID_MAX 20U
#define CP_ELF_TEXT_MAX	    32U
#define CP_ELF_PATH_MAX	    1024U

/* Where the bytes are: a file, or (fd -1) memory of this process at `mem`, which is
 * read through the kernel and so may be unmapped at any time. */
struct cp_elf_source {
	int fd;
	uintptr_t mem;
	uint64_t size;
};

struct cp_elf_part {
	uint64_t offset, size; /* size 0: absent */
};

/* A symbol table with its strings. */
struct cp_elf_symbols {
	struct cp_elf_part table, strings;
};

/* A section that holds code. */
struct cp_elf_text {
	uint64_t addr, end;
	uint32_t index;
};

struct cp_elf {
	struct cp_elf_source src;
	Elf64_Ehdr head;
	struct cp_elf_symbols symtab, dynsym;
	struct cp_elf_part plt_relocs; /* .rela.plt */
	struct cp_elf_part debug_link; /* .gnu_debuglink */
	struct cp_elf_part debug_data; /* .gnu_debugdata: MiniDebugInfo */
	uint64_t dwarf_size;	       /* bytes of .debug_*, as stored */
	bool has_lines;		       /* .debug_line */
	bool image;		       /* from memory: no sections, text[] are segments */
	struct cp_elf_text plt, plt_sec;
	struct cp_elf_text text[CP_ELF_TEXT_MAX];
	unsigned ntext;
	uint8_t build_id[CP_ELF_BUILD_ID_MAX];
	uint8_t build_id_len; /* 0: it has none */
};

/* Reads exactly n bytes at offset, or answers false. */
bool cp_elf_read(const struct cp_elf_source *src, uint64_t offset, void *buf, size_t n);
/* Reads a string of at most cap-1 bytes; answers its length, 0 when it can't be had. */
size_t cp_elf_string(const struct cp_elf_source *src, const struct cp_elf_part *strings,
		     uint64_t offset, char *buf, size_t cap);

/* Opens a regular file and reads its headers: 0 or -errno. */
int cp_elf_open(struct cp_elf *e, const char *path);
/* The same over memory that holds a whole file. */
int cp_elf_open_memory(struct cp_elf *e, const void *p, size_t size);
void cp_elf_close(struct cp_elf *e);

/* Does this file carry that build-id? */
bool cp_elf_is(const struct cp_elf *e, const uint8_t *id, unsigned len);
/* Is vaddr inside a section of code, and how far does that go? */
const struct cp_elf_text *cp_elf_text_of(const struct cp_elf *e, uint64_t vaddr);

/* Opens the file that has the symbols and debug data stripped from `e`, which was
 * opened at `path`: by build-id, else by debug link. The path found goes to `found`,
 * CP_ELF_PATH_MAX bytes. 0 or -errno. */
int cp_elf_open_debug(struct cp_elf *debug, const struct cp_elf *e, const char *path, char *found);

/* What the loader left in memory of the object whose header is at `start` (bias:
 * address = bias + p_vaddr): its dynamic symbols. For objects whose file is gone.
 * 0 or -errno. */
int cp_elf_open_image(struct cp_elf *e, uintptr_t start, uintptr_t end, uintptr_t bias);

#endif
