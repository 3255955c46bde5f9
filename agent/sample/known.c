/* SPDX-License-Identifier: MIT */
/*
 * known.c - the number of a caller's stack, which a thread that comes by again has at hand
 *
 * Context  HOST
 * Calls    rt, the walker, the stack table.
 * Shared   an entry's owner is read by another thread while a forked child's t->memo still is
 *          what its parent's was: relaxed. All else is the owner's.
 * Holds    A host's handler may fork at any place here, allocate in the child, and the child go
 *          on with what lies there by then: so no answer is given, and nothing kept, before it is
 *          clear that this still is the life it began in.
 *          An entry that is being written has no number.
 * Fails    Without a memo (a forked child's first walk), within another walk of this thread, on
 *          a stack that isn't the thread's own: every stack is walked.
 * Why      What comes by once is not kept: to write an entry takes longer than to find that
 *          there is none.
 */
#include "known.h"

#include "../rt/across.h"
#include "../rt/atomic.h"
#include "memo.h"
#include "rules.h"
#include "span.h"
#include "stack.h"

#define SOON 5U /* lines: an entry of some twenty words */

/* A caller's question, and when it was asked. */
struct ask {
	struct cp_thread *t;
	struct cp_regs from;
	uintptr_t leaf;
	uint32_t life;
	uint64_t gen;
};

static struct cp_known *place_in(struct cp_memo *m, const struct cp_regs *from)
{
	uint64_t h = (from->pc ^ from->sp << 20) * 0x9e3779b97f4a7c15ULL;

	return &m->known[h >> 32 & (CP_KNOWN_STACKS - 1)];
}

static void leave(struct cp_thread *t)
{
	cp_fence_signal();
	t->walking = 0;
}

/* The place for it; until leave() no handler's walk or question comes between. NULL: none. */
static struct cp_known *enter(const struct ask *a)
{
	struct cp_memo *m;

	if (a->t->walking)
		return NULL;
	a->t->walking = 1;
	cp_fence_signal(); /* a handler from here on sees the memo taken; */
	m = a->t->memo;	   /* one before may have lost it, or got us one */
	if (m)
		return place_in(m, &a->from);
	leave(a->t);
	return NULL;
}

static bool is_for(const struct cp_known *k, const struct ask *a)
{
	return cp_load_rlx(&k->owner) == a->t && k->from.pc == a->from.pc &&
	       k->from.sp == a->from.sp && k->leaf == a->leaf;
}

/* After whatever the handlers did that came meanwhile; see Holds. */
static bool is_still(const struct cp_known *k, const struct ask *a)
{
	cp_fence_signal();
	return cp_load_rlx(&k->owner) == a->t && a->t->epoch == a->life;
}

/* --- what came by before ------------------------------------------------------- */

static bool same_words(const struct cp_known *k, uintptr_t sp, uintptr_t end)
{
	for (unsigned i = 0, n = k->words; i < n; i++) {
		uintptr_t addr = sp + k->at[i] * sizeof(uintptr_t);

		if (addr >= end || cp_word_across(addr) != k->word[i])
			return false;
	}
	return true;
}

/* The stack that begins as k does; 0: it isn't k. */
static cp_sid recall(const struct cp_known *k, const struct ask *a)
{
	cp_sid sid = k->sid;

	if (!sid || k->gen != a->gen || (k->fp_live && k->from.fp != a->from.fp) ||
	    !same_words(k, a->from.sp, a->t->stack_hi & ~7UL))
		return CP_SID_NONE;
	return is_still(k, a) ? sid : CP_SID_NONE;
}

/* --- what is to be known ------------------------------------------------------- */

static void meet(struct cp_known *k, const struct ask *a)
{
	if (cp_load_rlx(&a->t->memo->owner) != a->t) /* another's, in a forked child */
		return;
	k->sid = CP_SID_NONE;
	cp_fence_signal();
	k->from = a->from;
	k->leaf = a->leaf;
	cp_store_rlx(&k->owner, a->t);
}

/* False: it lies too far away, or there are too many. */
static bool add_word(struct cp_known *k, uintptr_t addr)
{
	uintptr_t at = (addr - k->from.sp) / sizeof(uintptr_t);

	if (k->words == CP_KNOWN_WORDS || at > UINT16_MAX)
		return false;
	k->at[k->words] = (uint16_t)at;
	k->word[k->words++] = cp_word_across(addr);
	return true;
}

/* All that the memo's walk took of the stack. False: more than can be kept. */
static bool add_words(struct cp_known *k, struct cp_memo *m)
{
	const struct cp_memo_entry *e = cp_memo_last(m, m->start);

	for (; e < cp_memo_last(m, m->end - 1U); e++) {
		uintptr_t sp = e[1].sp;

		if (!cp_memo_leads(e) || !add_word(k, sp - cp_memo_ret_back(e)))
			return false;
		if ((e->what & CP_MEMO_CHECK_FP) && !add_word(k, sp - e->fp_back))
			return false;
	}
	return true;
}

/* Is it the walk that was asked for? A handler's, since, began lower. */
static bool is_of(struct cp_memo *m, const struct ask *a)
{
	const struct cp_memo_entry *e = cp_memo_last(m, m->start);

	return cp_load_rlx(&m->owner) == a->t && m->complete && m->gen == a->gen &&
	       m->start < m->end && e->sp == a->from.sp &&
	       cp_frame_addr(e->frame) == a->from.pc - 1;
}

static void learn(struct cp_known *k, struct cp_memo *m, const struct ask *a, cp_sid sid)
{
	k->sid = CP_SID_NONE;
	cp_fence_signal();
	k->words = 0;
	k->from.fp = a->from.fp;
	k->gen = a->gen;
	k->fp_live = cp_memo_last(m, m->start)->fp_live;
	if (add_words(k, m) && is_still(k, a))
		k->sid = sid;
}

/* --- both ---------------------------------------------------------------------- */

/* *again: it began where one did that was walked before. */
static cp_sid look_up(const struct ask *a, bool *again)
{
	struct cp_known *k = enter(a);
	cp_sid sid = CP_SID_NONE;

	*again = k && is_for(k, a);
	if (!k)
		return CP_SID_NONE;
	if (*again)
		sid = recall(k, a);
	else
		meet(k, a);
	leave(a->t);
	return sid;
}

static void keep(const struct ask *a, cp_sid sid)
{
	struct cp_known *k = enter(a);

	if (!k)
		return;
	if (is_for(k, a) && is_of(a->t->memo, a))
		learn(k, a->t->memo, a, sid);
	leave(a->t);
}

static CP_NOINLINE cp_sid walk(const struct ask *a, bool *cut)
{
	cp_frame frame[CP_WALK_MAX];
	unsigned n = 0;

	if (a->leaf)
		frame[n++] = cp_rules_frame(a->leaf);
	n += cp_walk_caller(a->t, &a->from, frame + n, CP_WALK_MAX - n, cut);
	return cp_stack_intern(frame, n, *cut);
}

cp_sid cp_known_stack(struct cp_thread *t, const struct cp_regs *caller, uintptr_t leaf)
{
	const struct ask a = {t, *caller, leaf, t->epoch, cp_rules_gen()};
	bool own = cp_span_owns(t, caller->sp) && caller->sp % sizeof(uintptr_t) == 0;
	bool again = false, cut = false;
	cp_sid sid = own ? look_up(&a, &again) : CP_SID_NONE;

	if (sid)
		return sid;
	sid = walk(&a, &cut);
	if (again && !cut && sid > CP_SID_FULL)
		keep(&a, sid);
	return sid;
}

void cp_known_soon(const struct cp_thread *t, const struct cp_regs *caller)
{
	const struct cp_known *k;

	if (!t->memo)
		return;
	k = place_in(t->memo, caller);
	for (unsigned line = 0; line < SOON; line++)
		CP_SOON((const char *)k + line * CP_CACHE_LINE);
}
