/* SPDX-License-Identifier: MIT */
/*
 * comments.c - what each profile says of itself: version, rates, losses, memory
 *
 * Context  CONTROL
 * Calls    buf.c, mem.c, the readers of sample/.
 * Holds    One fact per line, key=value, so that tools can read it; no line begins
 *          with '#', which pprof hides, nor with what other readers take for theirs.
 * Fails    A line there is no memory for is left out.
 */
#include "comments.h"

#include "../rt/buf.h"
#include "../rt/version.h"
#include "../sample/contend.h"
#include "../sample/heap.h"
#include "../sample/loss.h"
#include "config.h"

#include <stdarg.h>

static void add(struct cp_comments *c, struct cp_arena *job, const char *fmt, ...) CP_PRINTF(3, 4);

static void add(struct cp_comments *c, struct cp_arena *job, const char *fmt, ...)
{
	char line[256];
	struct cp_buf b = CP_BUF(line);
	va_list ap;

	va_start(ap, fmt);
	cp_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	if (c->n == CP_COMMENTS_MAX)
		return;
	c->text[c->n] = cp_arena_strdup(job, line, b.len);
	c->n += c->text[c->n] != NULL;
}

static void add_losses(struct cp_comments *c, struct cp_arena *job)
{
	for (unsigned i = 0; i < CP_LOSS_COUNT; i++) {
		uint64_t n = cp_loss_read((enum cp_loss)i);

		if (n)
			add(c, job, "lost=%lu %s", n, cp_loss_text((enum cp_loss)i));
	}
}

void cp_comments_build(struct cp_comments *c, struct cp_arena *job, const uint32_t *nonces,
		       unsigned nnonces, int64_t window_ns)
{
	c->n = 0;
	add(c, job, "version=cprof " CP_VERSION);
	add(c, job, "heap_rate=%lu", cp_heap_rate());
	add(c, job, "mutex_fraction=%lu", cp_contend_fraction());
	add(c, job, "block_rate=%lu", cp_contend_rate());
	add(c, job, "memory=%lu mapped of %lu", cp_mem_mapped(), cp_config.max_memory);
	if (window_ns)
		add(c, job, "window=%lu ms, a difference of two readings",
		    (uint64_t)window_ns / 1000000);
	for (unsigned i = 0; i < nnonces; i++) {
		char hex[8];
		struct cp_buf b = CP_BUF(hex);

		for (int shift = 20; shift >= 0; shift -= 4)
			cp_buf_hex(&b, nonces[i] >> shift & 15);
		add(c, job, "request=%s", hex);
	}
	add_losses(c, job);
}
