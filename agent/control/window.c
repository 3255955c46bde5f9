/* SPDX-License-Identifier: MIT */
/*
 * window.c - the counters of a source as they were at one moment
 *
 * Context  CONTROL, one job
 * Calls    mem.c, the sources.
 * Holds    see window.h
 * Fails    -ENOMEM when the counters don't fit: the window is refused, nothing is open.
 */
#include "window.h"

#include "../rt/sys.h"
#include "config.h"

#include <errno.h>
#include <string.h>

const struct cp_base *cp_window_base(const struct cp_window *w, const struct cp_source *s)
{
	for (unsigned i = 0; w && i < w->nbases; i++)
		if (w->base[i].source == s)
			return &w->base[i];
	return NULL;
}

static int take_base(struct cp_window *w, const struct cp_source *source)
{
	struct cp_base *base = &w->base[w->nbases];

	base->began_ns = cp_now_ns(CLOCK_MONOTONIC);
	if (source->settle)
		source->settle();
	base->source = source;
	base->n = source->count();
	base->counts = cp_arena_alloc(&w->arena, base->n * sizeof(*base->counts));
	for (uint32_t i = 0; base->counts && i < base->n; i++)
		source->read(i, &base->counts[i]);
	if (source->release)
		source->release();
	if (!base->counts)
		return -ENOMEM;
	w->nbases++;
	return 0;
}

int cp_window_open(struct cp_window *w, struct cp_request request, size_t limit)
{
	uint32_t types = request.types ? request.types : ~0U;
	int r = 0;

	memset(w, 0, sizeof(*w));
	w->request = request;
	w->arena = (struct cp_arena){.limit = limit, .stays = true};
	w->began_ns = cp_now_ns(CLOCK_MONOTONIC);
	w->ends_ns = w->began_ns + (int64_t)request.seconds * 1000000000;
	for (unsigned i = 0; !r && i < cp_profile_count; i++) {
		const struct cp_profile_row *row = &cp_profiles[i];

		if ((types & cp_config.types & 1U << row->type) && !cp_window_base(w, row->source))
			r = take_base(w, row->source);
	}
	if (r)
		cp_window_close(w);
	return r;
}

void cp_window_close(struct cp_window *w)
{
	cp_arena_release(&w->arena);
	memset(w, 0, sizeof(*w));
}

const struct cp_counts *cp_window_from(const struct cp_base *base, uint32_t i)
{
	static const struct cp_counts nothing;

	if (!base)
		return NULL;
	return i < base->n ? &base->counts[i] : &nothing;
}
