/* SPDX-License-Identifier: MIT */
/*
 * known.c - the number of a caller's stack, which a thread that comes by again has at hand
 *
 * Context  HOST
 * Calls    rt, the walker, the stack table.
 * Shared   nothing: entries are their thread's. A forked child finds them zeroed.
 * Holds    A host's handler may fork while entries are compared, and its child go on with
 *          zeros: so an entry's owner is looked at again afterwards.
 * Fails    Without a memo, or within another walk of this thread: every stack is walked.
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

static struct cp_known *place_in(struct cp_memo *m, const struct cp_regs *caller)
{
	uint64_t h = (caller->pc ^ caller->sp << 20) * 0x9e3779b97f4a7c15ULL;

	return &m->known[h >> 32 & (CP_KNOWN_STACKS - 1)];
}

/* Nor a handler's walk nor its own use come between. NULL: there are none to be had. */
static struct cp_known *enter(struct cp_thread *t, const struct cp_regs *caller)
{
	if (t->walking || !t->memo)
		return NULL;
	t->walking = 1;
	cp_fence_signal(); /* a handler from here on sees the memo taken */
	return place_in(t->memo, caller);
}

static void leave(struct cp_thread *t)
{
	cp_fence_signal();
	t->walking = 0;
}

/* --- what came by before ------------------------------------------------------- */

static bool begins_there(const struct cp_known *k, const struct cp_thread *t,
			 const struct cp_regs *caller, uintptr_t leaf)
{
	return cp_load_rlx(&k->owner) == t && k->from.pc == caller->pc &&
	       k->from.sp == caller->sp && k->leaf == leaf;
}

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
static cp_sid recall(const struct cp_known *k, const struct cp_thread *t,
		     const struct cp_regs *caller)
{
	cp_sid sid = k->sid;

	if (!sid || k->gen != cp_rules_gen() || (k->fp_live && k->from.fp != caller->fp) ||
	    !cp_span_owns(t, caller->sp) || !same_words(k, caller->sp, t->stack_hi & ~7UL))
		return CP_SID_NONE;
	cp_fence_signal();
	return cp_load_rlx(&k->owner) == t ? sid : CP_SID_NONE; /* see Holds */
}

/* --- what is to be known ------------------------------------------------------- */

static void meet(struct cp_known *k, struct cp_thread *t, const struct cp_regs *caller,
		 uintptr_t leaf)
{
	if (cp_load_rlx(&t->memo->owner) != t) /* another's, in a forked child */
		return;
	k->sid = CP_SID_NONE;
	k->from = *caller;
	k->leaf = leaf;
	cp_store_rlx(&k->owner, t);
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
static bool add_words(struct cp_known *k, const struct cp_memo *m)
{
	const struct cp_memo_entry *e = &m->buf[m->last][m->start];

	for (; e < &m->buf[m->last][m->end - 1]; e++) {
		uintptr_t sp = e[1].sp;

		if (!cp_memo_leads(e) || !add_word(k, sp - cp_memo_ret_back(e)))
			return false;
		if ((e->what & CP_MEMO_CHECK_FP) && !add_word(k, sp - e->fp_back))
			return false;
	}
	return true;
}

/* Is it the caller's walk? A handler's, since, began lower. */
static bool is_of(const struct cp_memo *m, const struct cp_regs *caller)
{
	const struct cp_memo_entry *e = &m->buf[m->last][m->start];

	return m->complete && m->start < m->end && e->sp == caller->sp &&
	       cp_frame_addr(e->frame) == caller->pc - 1;
}

static void learn(struct cp_known *k, const struct cp_memo *m, uintptr_t fp, cp_sid sid)
{
	k->sid = CP_SID_NONE;
	k->words = 0;
	k->from.fp = fp;
	k->gen = m->gen;
	k->fp_live = m->buf[m->last][m->start].fp_live;
	if (add_words(k, m))
		k->sid = sid;
}

/* --- both ---------------------------------------------------------------------- */

/* *again: it began where one did that was walked before. */
static cp_sid look_up(struct cp_thread *t, const struct cp_regs *caller, uintptr_t leaf,
		      bool *again)
{
	struct cp_known *k = enter(t, caller);
	cp_sid sid = CP_SID_NONE;

	*again = k && begins_there(k, t, caller, leaf);
	if (*again)
		sid = recall(k, t, caller);
	else if (k)
		meet(k, t, caller, leaf);
	if (k)
		leave(t);
	return sid;
}

static void keep(struct cp_thread *t, const struct cp_regs *caller, uintptr_t leaf, cp_sid sid)
{
	struct cp_known *k = enter(t, caller);
	const struct cp_memo *m = t->memo;

	if (!k)
		return;
	if (cp_load_rlx(&m->owner) == t && begins_there(k, t, caller, leaf) && is_of(m, caller))
		learn(k, m, caller->fp, sid);
	leave(t);
}

static CP_NOINLINE cp_sid walk(struct cp_thread *t, const struct cp_regs *caller, uintptr_t leaf,
			       bool *cut)
{
	cp_frame frame[CP_WALK_MAX];
	unsigned n = 0;

	if (leaf)
		frame[n++] = cp_rules_frame(leaf);
	n += cp_walk_caller(t, caller, frame + n, CP_WALK_MAX - n, cut);
	return cp_stack_intern(frame, n, *cut);
}

cp_sid cp_known_stack(struct cp_thread *t, const struct cp_regs *caller, uintptr_t leaf)
{
	bool again, cut = false;
	cp_sid sid = look_up(t, caller, leaf, &again);

	if (sid)
		return sid;
	sid = walk(t, caller, leaf, &cut);
	if (again && !cut && sid > CP_SID_FULL)
		keep(t, caller, leaf, sid);
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
