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

#include "../rt/timer.h"
#include "../rt/version.h"
#include "../sample/contend.h"
#include "../sample/govern.h"
#include "../sample/heap.h"
#include "../sample/loss.h"
#include "../sample/tick.h"
#include "config.h"

#include <stdarg.h>

void cp_comments_add(struct cp_comments *c, struct cp_arena *job, const struct cp_buf *line)
{
	if (c->n == CP_COMMENTS_MAX)
		return;
	c->text[c->n] = cp_arena_strdup(job, line->p, line->len);
	c->n += c->text[c->n] != NULL;
}

static void add(struct cp_comments *c, struct cp_arena *job, const char *fmt, ...) CP_PRINTF(3, 4);

static void add(struct cp_comments *c, struct cp_arena *job, const char *fmt, ...)
{
	char line[256];
	struct cp_buf b = CP_BUF(line);
	va_list ap;

	va_start(ap, fmt);
	cp_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	cp_comments_add(c, job, &b);
}

static void add_losses(struct cp_comments *c, struct cp_arena *job)
{
	for (unsigned i = 0; i < CP_LOSS_COUNT; i++) {
		uint64_t n = cp_loss_read((enum cp_loss)i);

		if (n)
			add(c, job, "lost=%lu %s", n, cp_loss_text((enum cp_loss)i));
	}
}

static void add_rates(struct cp_comments *c, struct cp_arena *job)
{
	struct cp_govern_moves moves = cp_govern_moves();
	const struct {
		const char *name;
		enum cp_cost cost;
		uint64_t configured, now;
	} rate[] = {
		{"cpu_hz", CP_COST_CPU, cp_config.cpu_hz,
		 cp_config.cpu_hz >> cp_govern_step(CP_COST_CPU)},
		{"heap_rate", CP_COST_HEAP, cp_heap_rate(),
		 cp_heap_rate() << cp_govern_step(CP_COST_HEAP)},
		{"mutex_fraction", CP_COST_MUTEX, cp_contend_fraction(),
		 cp_contend_fraction() << cp_govern_step(CP_COST_MUTEX)},
		{"block_rate", CP_COST_BLOCK, cp_contend_rate(),
		 cp_contend_rate() << cp_govern_step(CP_COST_BLOCK)},
	};

	for (unsigned i = 0; i < CP_ARRAY_LEN(rate); i++)
		add(c, job, "%s=%lu", rate[i].name, rate[i].configured);
	for (unsigned i = 0; i < CP_ARRAY_LEN(rate); i++)
		if (cp_govern_step(rate[i].cost))
			add(c, job, "lowered=%s to %lu, by the budget", rate[i].name, rate[i].now);
	if (moves.lowered)
		add(c, job, "budget_steps=%lu down, %lu up", moves.lowered, moves.raised);
}

static void add_cost(struct cp_comments *c, struct cp_arena *job)
{
	static const char *const names[CP_COSTS] = {"cpu", "heap", "mutex", "block", "threads"};
	int64_t cpu = CP_MAX(cp_timer_cpu_ns(CLOCK_PROCESS_CPUTIME_ID), (int64_t)1);
	char parts[128], percent[32];
	struct cp_buf b = CP_BUF(parts), p = CP_BUF(percent);
	uint64_t all = 0, share;

	for (unsigned i = 0; i < CP_COSTS; i++) {
		uint64_t ns = cp_cost_ns((enum cp_cost)i);

		cp_buf_fmt(&b, " %s %lu us", names[i], ns / 1000);
		all += ns;
	}
	share = (uint64_t)((double)all * 100000 / (double)cpu);
	cp_buf_fmt(&p, "%lu.", share / 1000);
	cp_buf_u64(&p, share % 1000, 3);
	add(c, job, "own_cost=%s %% of %ld ms CPU time:%s", percent, cpu / 1000000, parts);
}

void cp_comments_build(struct cp_comments *c, struct cp_arena *job, const uint32_t *nonces,
		       unsigned nnonces)
{
	c->n = 0;
	add(c, job, "version=cprof " CP_VERSION);
	add_rates(c, job);
	add_cost(c, job);
	add(c, job, "memory=%lu used, %lu mapped of %lu", cp_mem_used(), cp_mem_mapped(),
	    cp_config.max_memory);
	for (unsigned i = 0; i < nnonces; i++) {
		char hex[8];
		struct cp_buf b = CP_BUF(hex);

		for (int shift = 20; shift >= 0; shift -= 4)
			cp_buf_hex(&b, nonces[i] >> shift & 15);
		add(c, job, "request=%s", hex);
	}
	add_losses(c, job);
}

void cp_comments_window(struct cp_comments *c, struct cp_arena *job, int64_t ns)
{
	add(c, job, "window=%lu ms, a difference of two readings", (uint64_t)ns / 1000000);
}
