/* SPDX-License-Identifier: MIT */
/*
 * underway.c - adds the waits under way to the block profile's counters
 *
 * Context  CONTROL
 * Calls    words.c, tasks.c, peer.c, sample/threads.h, sample/contend.h.
 * Shared   st.life, in a page a forked child finds zeroed: one reads at a time (busy.h).
 *          st.hurry (relaxed).
 * Order    The clock is read before the second look at a thread's words: if they stand, the
 *          wait's end is later (sofar.c).
 * Holds    No thread is stopped, signalled, or kept waiting. A wait's stack is walked
 *          at the first reading that finds it, and never again.
 * Fails    Threads that have no slot, and those whose memory can't be read, are left out: their
 *          waits are recorded when they are over. A process that ends does not wait for more
 *          than it has time for: the others' waits stay as the last reading left them, and
 *          a comment says so.
 */
#include "underway.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "../rt/ticks.h"
#include "../sample/contend.h"
#include "../sample/stack.h"
#include "../sample/threads.h"
#include "busy.h"
#include "words.h"

#include <errno.h>

#define HURRIED 10000000LL /* ns */

struct life {
	uint32_t busy;
	uint32_t left; /* threads the last reading had no time for */
};

static struct {
	struct life *life;
	uint32_t hurry;
} st;

void cp_underway_hurry(void)
{
	cp_store_rlx(&st.hurry, 1);
}

int cp_underway_init(void)
{
	st.life = cp_mem_wiped(sizeof(*st.life));
	return st.life ? 0 : -ENOMEM;
}

static void add(const struct cp_peer *p, uint32_t slot)
{
	const struct cp_thread_slot *s = cp_threads_slot(slot);
	const struct cp_words_of of = {cp_load_rlx(&s->tid), slot,
				       (uintptr_t)cp_load_rlx(&s->waiting)};
	struct cp_peer_place at = {.stack_hi = cp_load_rlx(&s->stack_hi)};
	uint64_t now = cp_ticks_now();
	cp_sid sid = CP_SID_NONE;
	struct cp_task_call c;
	struct cp_wait w;

	if (!cp_words_read(p, &of, &w) || !cp_contend_is_due(slot, &w, now))
		return;
	cp_tasks_call(of.tid, &c);
	if (!cp_words_fit(&w, &c) || !cp_words_caller(p, &w, &at.regs))
		return;
	at.leaf = cp_wait_fn(&w);
	if (!cp_contend_is_known(slot, &w))
		sid = cp_peer_walk(p, &at);
	now = cp_ticks_now();
	if (cp_words_stand(p, &of, &w))
		cp_contend_add(slot, &w, sid, now);
}

static bool is_late(int64_t began)
{
	return cp_load_rlx(&st.hurry) && cp_now_ns(CLOCK_MONOTONIC) > began + HURRIED;
}

static void add_all(const struct cp_peer *p)
{
	int64_t began = cp_now_ns(CLOCK_MONOTONIC);
	uint32_t at = 0, slot;

	st.life->left = 0;
	while ((slot = cp_threads_look(&at)) < CP_THREADS_MAX) {
		if (is_late(began))
			st.life->left++;
		else
			add(p, slot);
	}
}

void cp_underway_settle(void)
{
	struct cp_arena arena = {.stays = true};
	struct cp_peer peer;

	if (!cp_contend_rate())
		return;
	cp_busy_enter(&st.life->busy);
	if (!cp_peer_open(&peer, &arena)) {
		add_all(&peer);
		cp_peer_close(&peer);
	}
	cp_arena_release(&arena);
	cp_busy_leave(&st.life->busy);
}

void cp_underway_remark(struct cp_arena *job, struct cp_comments *c, bool to_log)
{
	char line[96];
	struct cp_buf b = CP_BUF(line);

	(void)to_log; /* losses are told in comments only */
	if (!st.life->left)
		return;
	cp_buf_fmt(&b, "lost=%u threads not asked for their waits: the process ends",
		   st.life->left);
	cp_comments_add(c, job, &b);
}
