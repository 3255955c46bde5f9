/* SPDX-License-Identifier: MIT */
/*
 * fuzz_profile.c - any bytes may be offered as a profile
 *
 * Reading must refuse them with a sentence, or give a profile that can be written;
 * what was written must be read again, and say as much.
 *
 * Context  TEST
 */
#include "test/lib/profile_kit.h"

#include <stdio.h>

struct file {
	uint8_t *p;
	size_t n;
};

static int append(void *ctx, const void *buf, size_t n)
{
	struct file *f = ctx;
	uint8_t *grown = realloc(f->p, f->n + n + 1);

	if (!grown)
		abort();
	memcpy(grown + f->n, buf, n);
	f->p = grown;
	f->n += n;
	return 0;
}

/* A profile that was read is written, and read again as many samples. */
static void round_trip(const struct cp_profile *p, const struct cp_alloc *mem)
{
	struct file out = {0};
	struct cp_sink sink = {append, &out};
	const struct cp_profile *again;
	const char *why = NULL;

	if (cp_profile_write(p, &sink, mem))
		abort();
	again = cp_profile_read(out.p, out.n, 64UL << 20, mem, &why);
	if (!again || again->nsamples != p->nsamples) {
		fprintf(stderr, "what was written is not read: %s\n", why ? why : "other samples");
		abort();
	}
	free(out.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kit_mem kit = {.limit = 256UL << 20};
	struct cp_alloc mem = kit_alloc(&kit);
	const char *why = NULL;
	const struct cp_profile *p = cp_profile_read(data, size, 1UL << 20, &mem, &why);

	if (!p && !why)
		abort();
	if (p)
		round_trip(p, &mem);
	kit_release(&kit);
	return 0;
}
