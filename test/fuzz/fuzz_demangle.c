/* SPDX-License-Identifier: MIT */
/*
 * fuzz_demangle.c - any bytes as a symbol
 *
 * Context  TEST, libFuzzer
 * Holds    The demangler stays on its stack and in its memory, ends, and answers a
 *          text of the length it says; the same symbol, the same text.
 */
#include "agent/elf/demangle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const char *symbol)
{
	static char a[4096], b[4096];

	if (cp_demangle(symbol, a, sizeof(a)) != strlen(a))
		abort();
	cp_demangle(symbol, b, sizeof(b));
	if (strcmp(a, b) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *symbol = malloc(size + 3);

	if (cp_demangle_open())
		abort();
	memcpy(symbol + 2, data, size);
	symbol[size + 2] = 0;
	one(symbol + 2);
	symbol[0] = '_';
	symbol[1] = 'Z';
	one(symbol);
	symbol[1] = 'R';
	one(symbol);
	free(symbol);
	return 0;
}
