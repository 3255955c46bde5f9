/* SPDX-License-Identifier: MIT */
/*
 * memo.c - the pool of memos, and their beginning and end in a walk
 *
 * Context  as memo.h
 * Calls    the kernel, at init.
 * Shared   memo.owner: claimed by CAS, given back by its owner. The rest of a memo
 *          is its owner's. st.hint is relaxed.
 * Order    owner: acq by take(), rel by give_back(): the next owner sees the last
 *          one's work done.
 * Holds    t->memo->owner == t, or t has no memo. A forked child finds the pool
 *          zeroed: all free, and its own t->memo not its own any more. A host's handler may
 *          fork in the middle of a walk, and its child go on with it: so each place of the
 *          stack is read once from an entry, and no entry of zeros leads anywhere.
 * Fails    No memo free, or none among the TRIES looked at: the walk goes without, as any
 *          nested one, and the next one looks further on.
 */
#include "memo.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"

#define MEMOS_MAX 1024U
#define SOON	  6U /* entries; of those behind them the processor thinks itself */
#define TRIES	  8U /* each a cache line of its own: all of them would cost more than a walk */

static struct {
	struct cp_memo *pool;
	uint32_t count;
	uint32_t hint; /* where a free one may be */
} st CP_WARM;

static void give_back(struct cp_thread *t)
{
	struct cp_memo *m = t->memo;

	t->memo = NULL;
	cp_fence_signal();
	if (!m || cp_load_rlx(&m->owner) != t)
		return;
	m->gen = 0;
	cp_store_rlx(&st.hint, (uint32_t)(m - st.pool));
	cp_store_rel(&m->owner, NULL); /* pairs with the acquire in take() */
}

static CP_COLD struct cp_memo *take(struct cp_thread *t)
{
	uint32_t first = cp_load_rlx(&st.hint), tries = CP_MIN(st.count, TRIES);
	struct cp_memo *mine = NULL;

	if (t->state != CP_THREAD_READY)
		return NULL;
	for (uint32_t i = 0; i < tries && !mine; i++) {
		struct cp_memo *m = &st.pool[(first + i) % st.count];
		struct cp_thread *nobody = NULL;

		cp_store_rlx(&st.hint, (first + i + 1) % st.count);
		/* Acquire: pairs with the release in give_back(). */
		if (cp_cas_acq(&m->owner, &nobody, t))
			mine = m;
	}
	return mine;
}

void cp_memo_init(size_t bytes)
{
	uint32_t n = (uint32_t)CP_MIN(bytes / sizeof(struct cp_memo), (size_t)MEMOS_MAX);

	if (st.pool || n == 0)
		return;
	st.pool = cp_mem_wiped(n * sizeof(struct cp_memo));
	if (!st.pool)
		return;
	st.count = n;
	cp_thread_on_leave(give_back);
}

void cp_memo_open(struct cp_memo_walk *w, struct cp_thread *t, uint64_t gen)
{
	struct cp_memo *m;

	w->on = false;
	w->memo = NULL;
	w->e = w->end = NULL;
	if (t->walking || !st.count)
		return;
	t->walking = 1;
	cp_fence_signal(); /* a handler from here on sees the memo taken; */
	m = t->memo;	   /* one before may have got us one */
	if (CP_UNLIKELY(!m || cp_load_rlx(&m->owner) != t))
		m = t->memo = take(t);
	if (!m) {
		t->walking = 0;
		return;
	}
	w->memo = m;
	w->on = true;
	w->fresh = m->buf[m->next];
	w->n = w->fp_from = w->fp_mark = CP_MEMO_FIRST;
	if (m->gen == gen) {
		w->e = cp_memo_last(m, m->start);
		w->end = cp_memo_last(m, m->end);
		for (unsigned i = 0; i < SOON; i += CP_CACHE_LINE / sizeof(*w->e))
			CP_SOON(w->e + i);
	}
	m->gen = gen;
	CP_SOON(&w->fresh[CP_MEMO_FIRST]);
}

void cp_memo_fp_used(struct cp_memo_walk *w)
{
	if (w->fp_from > CP_MEMO_FIRST)
		w->fresh[w->fp_from - 1].what |= CP_MEMO_CHECK_FP;
	for (; w->fp_mark < w->n; w->fp_mark++)
		w->fresh[w->fp_mark].fp_live = 1;
}

static bool restores_fp(const struct cp_memo_entry *e, uintptr_t *fp)
{
	uintptr_t back = cp_load_rlx(&e->fp_back), sp = cp_load_rlx(&e[1].sp); /* see Holds */

	if (!back || sp <= back)
		return false;
	*fp = cp_word_across(sp - back);
	return true;
}

void cp_memo_copy(struct cp_memo_walk *w, const struct cp_memo_entry *from,
		  const struct cp_memo_entry *to, struct cp_step *s)
{
	if (from->fp_live)
		cp_memo_fp_used(w);
	if (w->n + (unsigned)(to - from) + 1 > CP_MEMO_CAP)
		w->on = false;
	for (const struct cp_memo_entry *e = from; e <= to; e++) {
		if (w->on) {
			w->fresh[w->n] = *e;
			/* What fp was in the last walk nobody compared. */
			w->fresh[w->n++].fp = s->fp;
		}
		if (e < to && restores_fp(e, &s->fp))
			w->fp_from = w->fp_mark = w->n;
	}
	s->sp = to->sp;
}

static void copy(struct cp_memo_entry *to, const struct cp_memo_entry *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = from[i];
}

/* The fresh entries go in front of tail, in the last walk's own place. */
static void put_in_front(struct cp_memo_walk *w, struct cp_memo *m, unsigned tail)
{
	unsigned n = w->n - CP_MEMO_FIRST;

	m->start = (uint16_t)(tail - n);
	copy(cp_memo_last(m, m->start), &w->fresh[CP_MEMO_FIRST], n);
}

static void keep(struct cp_memo_walk *w, const struct cp_memo_entry *tail, bool complete)
{
	struct cp_memo *m = w->memo;
	unsigned at = tail ? (unsigned)(tail - cp_memo_last(m, 0)) : 0,
		 rest = tail ? m->end - at : 0;

	if (tail && tail->fp_live)
		cp_memo_fp_used(w);
	if (!w->on) {
		m->start = m->end = CP_MEMO_FIRST;
	} else if (tail && at >= w->n - CP_MEMO_FIRST) {
		put_in_front(w, m, at);
	} else {
		rest = CP_MIN(rest, CP_MEMO_CAP - w->n);
		copy(&w->fresh[w->n], tail, rest);
		m->complete = complete || (tail && m->complete && at + rest == m->end);
		m->next = !m->next;
		m->start = CP_MEMO_FIRST;
		m->end = (uint16_t)(w->n + rest);
	}
}

bool cp_memo_close(struct cp_memo_walk *w, struct cp_thread *t, const struct cp_memo_entry *tail,
		   bool complete)
{
	bool ours = cp_load_rlx(&w->memo->owner) == t; /* see Holds */

	if (CP_LIKELY(ours))
		keep(w, tail, complete);
	cp_fence_signal(); /* the memo is whole again before a handler may use it */
	t->walking = 0;
	return ours;
}
