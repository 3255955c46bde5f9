/* SPDX-License-Identifier: MIT */
/*
 * words.c - what a thread said of itself before it blocked, read by another
 *
 * Context  CONTROL
 * Calls    peer.c, state.c, sample/threads.h.
 * Order    see words.h
 */
#include "words.h"

#include "../sample/threads.h"
#include "state.h"

bool cp_words_read(const struct cp_peer *p, const struct cp_words_of *t, struct cp_wait *w)
{
	if (!t->waiting || cp_peer_read(p, w, t->waiting, sizeof(*w)) != sizeof(*w))
		return false;
	return !(w->seq & 1) && w->kind && cp_threads_is(t->slot, t->tid);
}

/* seq alone won't do: a handler that waits in the middle of a change can bring it back to what
 * it was. */
bool cp_words_stand(const struct cp_peer *p, const struct cp_words_of *t, const struct cp_wait *w)
{
	struct cp_wait again;

	return cp_words_read(p, t, &again) && again.seq == w->seq && again.object == w->object &&
	       again.start == w->start && again.sp == w->sp;
}

bool cp_words_caller(const struct cp_peer *p, const struct cp_wait *w, struct cp_regs *caller)
{
	struct cp_frame_record r;

	if (cp_peer_read(p, &r, w->sp - sizeof(r), sizeof(r)) != sizeof(r))
		return false;
	*caller = cp_regs_above(&r, w->sp);
	return cp_wait_is_of(w, &r);
}

/* Where it waits lies below the frame that said so, unless that frame was left. */
bool cp_words_fit(const struct cp_wait *w, const struct cp_task_call *c)
{
	if (c->is == CP_TASK_REFUSED)
		return true;
	return c->is == CP_TASK_WAITS && c->sp < w->sp && cp_state_fits(w->kind, c->nr);
}
