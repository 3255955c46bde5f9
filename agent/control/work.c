/* SPDX-License-Identifier: MIT */
/*
 * work.c - what is asked of the job, and the doing of it
 *
 * Context  ANY: adding      CONTROL, on the job's thread: cp_work_run
 * Calls    snapshot.c, window.c, the log.
 * Shared   plain, last, interval (relaxed flags), slot[] (claimed by CAS, taken by exchange):
 *          job.c's turn orders them. last_state: see below.
 * Order    last_state: rel by the job when it is done / acq by who waits. Before the
 *          files go in place the job claims WORKING -> PLACING; who waits claims
 *          WORKING -> DROPPED when time is up. One of the two succeeds, so of a snapshot that
 *          is dropped before the files go in place none appears.
 * Holds    Requests at the same time are answered by one snapshot. Two plain ones are
 *          never closer than GAP, however many signals come: what came meanwhile is
 *          one snapshot at its end.
 * Fails    A window there is no room for is refused with a line.
 */
#include "work.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/sys.h"
#include "config.h"
#include "reason.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define MS	  1000000LL
#define GAP	  (100 * MS)
#define LAST_WAIT (80 * MS) /* for the work; */
#define LAST_MORE (15 * MS) /* for putting in place what is ready */

enum last_state { IDLE = 0, WORKING, PLACING, DONE, DROPPED };

static struct {
	uint32_t *last_state; /* of the work being done; for may_place */
} st;

/* --- asking --------------------------------------------------------------- */

void cp_work_add(struct cp_work *w, uint64_t word)
{
	struct cp_request r = cp_request_unpack(word);

	if (r.types || r.seconds || r.nonce) {
		for (unsigned i = 0; i < CP_WORK_SLOTS; i++) {
			uint64_t seen = 0;

			if (cp_cas_rlx(&w->slot[i], &seen, word) || seen == word)
				return;
		}
	}
	cp_store_rlx(&w->plain, 1);
}

void cp_work_forget(struct cp_work *w)
{
	cp_store_rlx(&w->plain, 0);
	cp_store_rlx(&w->last, 0);
	cp_store_rlx(&w->last_state, DONE);
	cp_sys_futex_wake(&w->last_state, INT_MAX);
	for (unsigned i = 0; i < CP_WORK_SLOTS; i++)
		cp_store_rlx(&w->slot[i], 0);
}

void cp_work_add_last(struct cp_work *w)
{
	cp_store_rlx(&w->last_state, WORKING);
	cp_store_rlx(&w->last, 1);
}

/* Waits while the state is what it is, at most until a time. */
static uint32_t wait_while(uint32_t *state, uint32_t value, int64_t until)
{
	uint32_t seen;
	int64_t left;

	/* acq: pairs with the job's release of DONE */
	while ((seen = cp_load_acq(state)) == value &&
	       (left = until - cp_now_ns(CLOCK_MONOTONIC)) > 0) {
		struct timespec ts = {0, left};

		cp_sys_futex_wait(state, value, &ts);
	}
	return seen;
}

bool cp_work_wait_last(struct cp_work *w)
{
	int64_t began = cp_now_ns(CLOCK_MONOTONIC);
	uint32_t seen = WORKING;

	if (wait_while(&w->last_state, WORKING, began + LAST_WAIT) == WORKING &&
	    cp_cas_acqrel(&w->last_state, &seen, DROPPED)) /* see Order */
		return false;
	return wait_while(&w->last_state, PLACING, began + LAST_WAIT + LAST_MORE) != PLACING;
}

bool cp_work_keep_interval(struct cp_work *w)
{
	if (!cp_config.interval_ns)
		return false;
	cp_store_rlx(&w->interval, 1);
	return true;
}

/* --- doing ---------------------------------------------------------------- */

static void want(struct cp_work *w, struct cp_request r)
{
	struct cp_snapshot *s = &w->next;

	/* types 0 is all, and once all it stays all */
	s->types = r.types && (s->types || !w->pending) ? s->types | r.types : 0;
	if (r.nonce && s->nnonces < CP_SNAPSHOT_NONCES)
		s->nonce[s->nnonces++] = r.nonce;
	w->pending = true;
}

/* What all windows together have left. */
static size_t window_memory(const struct cp_work *w)
{
	size_t left = cp_config_memory(CP_MEMORY_WINDOWS);

	for (unsigned i = 0; i < CP_WORK_WINDOWS; i++)
		left -= CP_MIN(left, w->window[i].arena.mapped);
	return left;
}

static void open_window(struct cp_work *w, struct cp_request r)
{
	size_t memory = window_memory(w);
	int err = -EBUSY;

	for (unsigned i = 0; i < CP_WORK_WINDOWS; i++) {
		if (w->window[i].ends_ns)
			continue;
		/* an arena takes a limit of 0 for none */
		err = memory ? cp_window_open(&w->window[i], r, memory) : -ENOMEM;
		break;
	}
	if (err)
		cp_log("no window of %u seconds: %s", (unsigned)r.seconds, cp_reason(err));
}

static void take_requests(struct cp_work *w, int64_t now)
{
	const int64_t step = (int64_t)cp_config.interval_ns;
	const struct cp_request all = {0, 0, 0};

	if (cp_load_rlx(&w->plain)) {
		cp_store_rlx(&w->plain, 0);
		want(w, all);
	}
	if (w->interval_at_ns && now >= w->interval_at_ns) {
		/* by the clock: no drift, and nothing made up for */
		w->interval_at_ns += step;
		want(w, all);
	}
	if (cp_load_rlx(&w->interval) && w->interval_at_ns <= now)
		w->interval_at_ns = now + step;
	for (unsigned i = 0; i < CP_WORK_SLOTS; i++) {
		uint64_t word = cp_xchg_rlx(&w->slot[i], 0);
		struct cp_request r = cp_request_unpack(word);

		if (word && r.seconds)
			open_window(w, r);
		else if (word)
			want(w, r);
	}
}

static bool may_place(void)
{
	uint32_t seen = WORKING;

	return cp_cas_acqrel(st.last_state, &seen, PLACING); /* see Order */
}

static void run_last(struct cp_work *w)
{
	cp_store_rlx(&w->last, 0);
	w->next.types = 0;
	w->next.last = true;
	w->next.may_finish = may_place;
	st.last_state = &w->last_state;
	cp_snapshot_take(&w->next);
	cp_store_rel(&w->last_state, DONE); /* pairs with wait_while */
	cp_sys_futex_wake(&w->last_state, INT_MAX);
}

/* Another round of requests might bring more nonces than it can carry. */
static bool is_full(const struct cp_snapshot *s)
{
	return s->nnonces + CP_WORK_SLOTS > CP_SNAPSHOT_NONCES;
}

static void run_pending(struct cp_work *w, int64_t now)
{
	if (cp_load_rlx(&w->last))
		run_last(w);
	else if (w->pending && (now >= w->not_before_ns || is_full(&w->next)))
		cp_snapshot_take(&w->next);
	else
		return;
	w->not_before_ns = now + GAP;
	w->pending = false;
	memset(&w->next, 0, sizeof(w->next));
}

static void end_windows(struct cp_work *w, int64_t now)
{
	for (unsigned i = 0; i < CP_WORK_WINDOWS; i++) {
		struct cp_window *win = &w->window[i];
		struct cp_snapshot s = {.types = win->request.types, .window = win};

		if (!win->ends_ns || now < win->ends_ns)
			continue;
		if (win->request.nonce)
			s.nonce[s.nnonces++] = win->request.nonce;
		cp_snapshot_take(&s);
		cp_window_close(win);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

int64_t cp_work_run(struct cp_work *w)
{
	int64_t now = cp_now_ns(CLOCK_MONOTONIC);
	int64_t until;

	take_requests(w, now);
	run_pending(w, now);
	end_windows(w, now);
	until = w->pending ? w->not_before_ns : 0;
	until = earlier(until, w->interval_at_ns);
	for (unsigned i = 0; i < CP_WORK_WINDOWS; i++)
		until = earlier(until, w->window[i].ends_ns);
	return until;
}
