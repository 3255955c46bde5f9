/* SPDX-License-Identifier: MIT */
/*
 * fuzz_elf.c - any bytes as an object file, in a file and in memory
 *
 * Context  TEST, libFuzzer
 * Holds    Whatever a file says: no read outside it, an answer in bounded time, and
 *          names that end. Both ways of reading agree.
 */
#include "agent/elf/demangle.h"
#include "agent/elf/symtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUERIES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct cp_symtab_work work;
static char path[64], found[CP_ELF_PATH_MAX];
static int file;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = memfd_create("fuzz_elf", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	demand(file >= 0 && !cp_demangle_open());
	return 0;
}

static uint64_t ask(const struct cp_elf *e, const struct cp_elf_symbols *symbols)
{
	static char name[300], readable[300];
	struct cp_symtab_query q[QUERIES] = {{0}};
	uint64_t sum = 0;

	for (unsigned i = 0; i < QUERIES; i++)
		q[i].addr = e->ntext ? e->text[0].addr + i * (e->text[0].end - e->text[0].addr) / 64
				     : i * 4096;
	for (unsigned i = 1; i < QUERIES; i++) /* a hostile section may wrap around */
		q[i].addr = q[i].addr < q[i - 1].addr ? q[i - 1].addr : q[i].addr;
	cp_symtab_resolve(e, symbols, q, QUERIES, &work);
	for (unsigned i = 0; i < QUERIES; i++) {
		if (!q[i].found)
			continue;
		demand(q[i].value <= q[i].addr);
		cp_elf_string(&e->src, &symbols->strings, q[i].name, name, sizeof(name));
		demand(strlen(name) < sizeof(name));
		demand(cp_demangle(name, readable, sizeof(readable)) == strlen(readable));
		sum += q[i].name + q[i].value;
	}
	return sum;
}

static uint64_t use(const struct cp_elf *e)
{
	struct cp_elf debug;
	char name[64];
	uint64_t sum = ask(e, &e->symtab) + ask(e, &e->dynsym);

	demand(e->ntext <= CP_ELF_TEXT_MAX && e->build_id_len <= CP_ELF_BUILD_ID_MAX);
	for (uint64_t a = e->plt.addr; a < e->plt.end && a - e->plt.addr < 256; a += 8)
		sum += cp_symtab_plt_name(e, a, name, sizeof(name));
	if (!cp_elf_open_debug(&debug, e, path, found))
		cp_elf_close(&debug);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cp_elf e;
	uint64_t sums[2] = {0, 0};

	demand(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	if (!cp_elf_open(&e, path)) {
		sums[0] = use(&e);
		cp_elf_close(&e);
	}
	if (!cp_elf_open_memory(&e, data, size))
		sums[1] = use(&e);
	demand(sums[0] == sums[1]);
	if (!cp_elf_open_image(&e, (uintptr_t)data, (uintptr_t)data + size, (uintptr_t)data))
		use(&e);
	return 0;
}
