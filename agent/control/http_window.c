/* SPDX-License-Identifier: MIT */
/*
 * http_window.c - opens a window, and names meanwhile what it will show
 *
 * Context  CONTROL, on the worker
 * Calls    window.c, frames.c, symbols.c, the stack table.
 * Holds    Names are cached: what takes time, the debug data of whole libraries, is read
 *          while the window's seconds pass (one of them: others may wait), and not when
 *          they are over and its client waits. What comes to the profile later is named
 *          then, and is little.
 * Fails    Without memory for the names they are found when the profile is written.
 */
#include "http_conn.h"

#include "../sample/stack.h"
#include "../sample/walk.h"
#include "exclusive.h"
#include "frames.h"
#include "symbols.h"

static bool number_stack(struct cp_frames *f, cp_sid sid)
{
	const struct cp_stack *stack;

	if (sid == CP_SID_NONE || sid == CP_SID_FULL)
		return true;
	stack = cp_stack_get(sid);
	for (unsigned i = 0; i < CP_MIN(stack->n, (unsigned)CP_WALK_MAX); i++)
		if (!cp_frames_number(f, stack->frame[i]))
			return false;
	return true;
}

static void name_early(struct cp_arena *job, const struct cp_window *w,
		       const struct cp_profile_row *row)
{
	const struct cp_base *base = cp_window_base(w, row->source);
	struct cp_frames frames = {.job = job};
	const struct cp_symbol **symbol;
	struct cp_bucket b;

	for (uint32_t i = 0; base && i < base->n; i++) {
		row->source->show(i, NULL, &base->counts[i], &b);
		if (!number_stack(&frames, b.sid))
			return;
	}
	symbol = cp_arena_alloc(job, frames.n * sizeof(*symbol));
	if (symbol)
		cp_symbols_resolve(job, frames.frame, frames.n, symbol);
}

int cp_http_window_open(struct cp_http_conn *c, struct cp_arena *job)
{
	const struct cp_profile_row *row = c->plan.row;
	struct cp_request request = {.types = (uint8_t)(1U << row->type),
				     .seconds = (uint16_t)c->plan.seconds};
	int err;

	cp_exclusive_enter(cp_http_soon());
	err = cp_window_open(c->window, request, c->arena.limit);
	if (!err)
		name_early(job, c->window, row);
	cp_exclusive_leave();
	return err;
}
