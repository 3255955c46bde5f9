/* SPDX-License-Identifier: MIT */
/*
 * inside.c - what the library in a running process says of itself
 *
 * Context  the cprof program.
 * Holds    Memory is read through /proc, which stops nobody and attaches to nothing.
 *          Nothing that it says is believed beyond what is read of it again.
 * Fails    Where the kernel allows only parents to look (yama), and with a library that
 *          has no such word: it can't be known.
 * Why      From outside one sees that a signal has a handler, not whose it is.
 */
#include "inside.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DYNAMIC_MAX 256U
#define SYMBOLS_MAX ((size_t)1 << 20) /* bytes of the table and its names */

static const char word[] = "cprof_signal";

struct library {
	int fd;
	uint64_t base, symtab, strtab, strsz;
};

static bool get(const struct library *l, uint64_t addr, void *buf, size_t n)
{
	return pread(l->fd, buf, n, (off_t)addr) == (ssize_t)n;
}

static void take_dynamic(struct library *l, uint64_t at)
{
	Elf64_Dyn d;

	for (unsigned i = 0; i < DYNAMIC_MAX && get(l, at, &d, sizeof(d)); i++, at += sizeof(d)) {
		if (d.d_tag == DT_NULL)
			return;
		if (d.d_tag == DT_SYMTAB)
			l->symtab = d.d_un.d_ptr;
		if (d.d_tag == DT_STRTAB)
			l->strtab = d.d_un.d_ptr;
		if (d.d_tag == DT_STRSZ)
			l->strsz = d.d_un.d_val;
	}
}

/* The loader has made addresses of these: where it has not, the file is only mapped, as data,
 * and no variables are behind it. */
static bool is_loaded(const struct library *l)
{
	return l->symtab >= l->base && l->strtab > l->symtab && l->strsz < SYMBOLS_MAX &&
	       l->strtab - l->symtab < SYMBOLS_MAX;
}

static bool open_library(struct library *l)
{
	Elf64_Ehdr head;

	if (!get(l, l->base, &head, sizeof(head)) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_phentsize != sizeof(Elf64_Phdr))
		return false;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr ph;

		if (!get(l, l->base + head.e_phoff + i * sizeof(ph), &ph, sizeof(ph)))
			return false;
		if (ph.p_type == PT_DYNAMIC)
			take_dynamic(l, l->base + ph.p_vaddr);
	}
	return is_loaded(l);
}

/* Its address, in a copy of the table and the names, which follow it; 0: there is none. */
static uint64_t find_word(const struct library *l, const char *copy, size_t size)
{
	size_t names = l->strtab - l->symtab;
	Elf64_Sym s;

	for (size_t at = 0; at + sizeof(s) <= names; at += sizeof(s)) {
		memcpy(&s, copy + at, sizeof(s));
		if (s.st_name < size - names && size - names - s.st_name >= sizeof(word) &&
		    s.st_size == sizeof(uint32_t) &&
		    !memcmp(copy + names + s.st_name, word, sizeof(word)))
			return l->base + s.st_value;
	}
	return 0;
}

static int signal_of(struct library *l)
{
	size_t size = open_library(l) ? l->strtab - l->symtab + l->strsz : 0;
	char *copy = size ? malloc(size) : NULL;
	uint64_t at = 0;
	uint32_t sig;

	if (copy && get(l, l->symtab, copy, size))
		at = find_word(l, copy, size);
	free(copy);
	return at && get(l, at, &sig, sizeof(sig)) && sig <= 64 ? (int)sig : -1;
}

int cp_inside_signal(const struct cp_process *p)
{
	struct library l = {.symtab = 0};
	char path[64];
	int sig = -1;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", (int)p->pid, (int)p->tid);
	l.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (l.fd < 0)
		return -1;
	/* Of two copies one sleeps, and answers to none. */
	for (unsigned i = 0; i < p->nlibraries && sig <= 0; i++) {
		int said;

		l = (struct library){.fd = l.fd, .base = p->library[i]};
		said = signal_of(&l);
		sig = CP_MAX(sig, said);
	}
	close(l.fd);
	return sig;
}
