/* SPDX-License-Identifier: MIT */
/*
 * fuzz_gzip.c - any bytes as a gzip file, and as what is to become one
 *
 * Context  TEST, libFuzzer
 * Holds    What is packed, in any pieces, is unpacked to the same bytes. What is unpacked
 *          never passes its limit, at one member or many; a refusal has its sentence. All
 *          memory is given back.
 */
#include "test/lib/profile_kit.h"

#include "agent/output/gzip.h"
#include "agent/output/take.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT  (1UL << 20)
#define MEMORY (8UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void unpack(const void *data, size_t size, size_t limit, const char *want, size_t want_size)
{
	struct kit_mem m = {.limit = MEMORY};
	struct cp_alloc mem = kit_alloc(&m);
	unsigned char *out = NULL;
	size_t n = 0;
	const char *why = cp_gzip_unpack(data, size, limit, &mem, &out, &n);

	demand(why ? *why && !want : n <= limit);
	if (want)
		demand(n == want_size && (!n || !memcmp(out, want, n)));
	if (!why)
		cp_give(&mem, out);
	demand(m.live == 0);
}

/* In pieces of the length the last piece's first byte says. */
static void there_and_back(const char *data, size_t size)
{
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct kit_bytes packed = {0};
	struct cp_sink sink = kit_sink(&packed);
	struct cp_gzip *z = cp_gzip_open(&sink, &mem);
	size_t step;

	for (size_t at = 0; at < size; at += step) {
		step = CP_MIN(size - at, 1 + (size_t)(unsigned char)data[at] * 7);
		cp_gzip_write(z, data + at, step);
	}
	demand(cp_gzip_close(z) == 0 && m.live == 0);
	unpack(packed.p, packed.len, size, data, size);
	if (size > 1)
		unpack(packed.p, packed.len, size / 2, NULL, 0);
	free(packed.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unpack(data, size, LIMIT, NULL, 0);
	there_and_back((const char *)data, size);
	return 0;
}
