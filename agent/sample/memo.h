/* SPDX-License-Identifier: MIT */
/*
 * memo.h - a thread's memory of its last walk, so that what has not changed since
 * is compared, not walked
 *
 * Context  HOST, SIGNAL: by the thread that owns the memo, while t->walking keeps
 *          a nested walk away from it. EARLY: cp_memo_init.
 * Holds    Of the last walk is kept what it saw, leaf first, sp rising: entry i is a state
 *          the walk was in, and leads to entry i + 1 as long as
 *            - the return address between them, at e[i+1].sp - ret_back, is
 *              still e[i+1]'s, and
 *            - with CP_MEMO_CHECK_FP, the saved frame pointer at e[i+1].sp - fp_back
 *              still is e[i+1].fp.
 *          Everything else a step depends on is the rule (the same, in one generation)
 *          and the state itself. A state is met again when pc and sp are the same, and
 *          fp too if a frame address depends on it (`fp_live`).
 *          All slots lie in the thread's own stack at or above the entry's sp, so
 *          that whoever stands at an entry may read the slots above it.
 * Why      Two walks of one thread mostly differ in their first few frames. Comparing
 *          is loads that don't wait for each other, walking is a chain of them.
 *          A step that depends on more (a signal frame, a frame address in memory) is
 *          marked CP_MEMO_REDO and made anew; after it the comparison goes on.
 */
#ifndef CP_SAMPLE_MEMO_H
#define CP_SAMPLE_MEMO_H

#include "../rt/base.h"
#include "../rt/thread.h"
#include "cpu.h"
#include "known.h"
#include "rules.h"
#include "step.h"

#define CP_MEMO_CAP   160
#define CP_MEMO_FIRST 32 /* room in front, for a leaf side that grows */

enum { CP_MEMO_REDO = 1, CP_MEMO_CHECK_FP = 2 };

struct cp_memo_entry {
	cp_frame frame;
	uintptr_t sp, fp;
	uint32_t fp_back; /* where fp of the next was loaded from; 0: it stays */
	uint16_t ret_back;
	uint8_t fp_live;
	uint8_t what; /* CP_MEMO_ bits about the way to the next entry */
};

struct cp_memo {
	struct cp_thread *owner; /* NULL: free. Claimed by CAS */
	uint64_t gen;		 /* the generation its rules were of */
	uint16_t start, end;	 /* entries [start, end) of the last walk's buffer */
	uint8_t next;		 /* the other buffer, where the next one goes */
	bool complete;		 /* its last entry is the outermost frame */
	/* Beside the above: so the first walk touches one page, the second one more. */
	struct cp_memo_entry buf[2][CP_MEMO_CAP];
	struct cp_known known[CP_KNOWN_STACKS];
};

/* The last walk's entry i, of [start, end]. */
CP_INLINE struct cp_memo_entry *cp_memo_last(struct cp_memo *m, unsigned i)
{
	return &m->buf[!m->next][i];
}

/* One walk's use of a memo: what is left of the last, and what becomes the next. */
struct cp_memo_walk {
	struct cp_memo *memo;
	const struct cp_memo_entry *e, *end; /* not yet passed of the last walk */
	struct cp_memo_entry *fresh;	     /* [CP_MEMO_FIRST, n) is this walk so far */
	unsigned n;
	unsigned fp_from; /* the first fresh entry that has the present fp */
	unsigned fp_mark; /* fresh entries from here on aren't marked fp_live yet */
	bool on;	  /* false: no memo, or the walk left what a memo can say */
};

/* [EARLY] Maps a pool of memos within `bytes`. Without one walks do without. */
void cp_memo_init(size_t bytes);
/* [HOST, SIGNAL] Opens t's memo for a walk; w->on tells whether there is one. */
void cp_memo_open(struct cp_memo_walk *w, struct cp_thread *t, uint64_t gen);
/* Closes it. tail: the last walk's entries from here on are this walk's too (NULL:
 * none). complete: the outermost frame was reached. False: it was wiped meanwhile, and what was
 * found is worth nothing. */
bool cp_memo_close(struct cp_memo_walk *w, struct cp_thread *t, const struct cp_memo_entry *tail,
		   bool complete);
/* The entries [from, to] of the last walk were met again: they go into this one. */
void cp_memo_copy(struct cp_memo_walk *w, const struct cp_memo_entry *from,
		  const struct cp_memo_entry *to, struct cp_step *s);
/* fp was needed for a frame address in the newest entry. */
void cp_memo_fp_used(struct cp_memo_walk *w);

/* The state s is entry e of the last walk: the same way leads on from it. */
CP_INLINE bool cp_memo_met(struct cp_memo_walk *w, const struct cp_step *s, uintptr_t key)
{
	const struct cp_memo_entry *e = w->e, *end = w->end;

	while (e < end && e->sp < s->sp)
		e++;
	w->e = e;
	return e < end && e->sp == s->sp && cp_frame_addr(e->frame) == key &&
	       (!e->fp_live || e->fp == s->fp);
}

/* How far below the next entry's sp the return address is that leads to it. */
CP_INLINE uintptr_t cp_memo_ret_back(const struct cp_memo_entry *e)
{
	return CP_CPU_HAS_LINK ? e->ret_back : 0UL - (uintptr_t)CP_CPU_RA_OFFSET;
}

/* Does e lead to e[1], as it did? */
CP_INLINE bool cp_memo_leads(const struct cp_memo_entry *e)
{
	const struct cp_memo_entry *next = e + 1;
	uintptr_t sp = cp_load_rlx(&next->sp); /* once: see memo.c, Holds */

	if (CP_UNLIKELY(sp <= e->sp))
		return false;
	if (e->what) {
		if (e->what & CP_MEMO_REDO)
			return false;
		if (cp_word_across(sp - e->fp_back) != next->fp)
			return false;
	}
	return cp_cpu_strip(cp_word_across(sp - cp_memo_ret_back(e))) ==
	       cp_frame_addr(next->frame) + 1;
}

/* Notes a state before its step is made. */
CP_INLINE void cp_memo_add(struct cp_memo_walk *w, const struct cp_step *s, cp_frame frame)
{
	struct cp_memo_entry *e = &w->fresh[w->n];

	if (CP_UNLIKELY(w->n == CP_MEMO_CAP)) {
		w->on = false;
		return;
	}
	e->frame = frame;
	e->sp = s->sp;
	e->fp = s->fp;
	e->fp_live = 0;
	w->n++;
}

/* Notes how the newest state's step was made; s is the state it led to, sp where
 * it came from. */
CP_INLINE void cp_memo_stepped(struct cp_memo_walk *w, const struct cp_step *s, cp_rule rule,
			       uintptr_t sp, bool exact)
{
	struct cp_memo_entry *e = &w->fresh[w->n - 1];
	enum cp_rule_kind kind = cp_rule_kind(rule);
	intptr_t back = -cp_rule_fp(rule);
	intptr_t ret = CP_CPU_HAS_LINK ? -cp_rule_aux(rule) : -CP_CPU_RA_OFFSET;

	e->what = 0;
	e->fp_back = 0;
	e->ret_back = (uint16_t)ret;
	if (kind != CP_RULE_SP && kind != CP_RULE_SP_FP)
		cp_memo_fp_used(w);
	if (kind == CP_RULE_SP_FP || kind == CP_RULE_FP_FP) {
		e->fp_back = (uint32_t)back;
		w->fp_from = w->fp_mark = w->n;
		if (back <= 0 || s->sp - (uintptr_t)back < sp)
			e->what = CP_MEMO_REDO;
	} else if (kind != CP_RULE_SP && kind != CP_RULE_FP) {
		e->what = CP_MEMO_REDO;
		w->fp_from = w->fp_mark = w->n;
	}
	if (CP_CPU_HAS_LINK &&
	    (exact || ret <= 0 || ret > UINT16_MAX || s->sp - (uintptr_t)ret < sp))
		e->what = CP_MEMO_REDO;
}

#endif
