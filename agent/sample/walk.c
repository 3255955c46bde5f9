/* SPDX-License-Identifier: MIT */
/*
 * walk.c - the stack walker: from registers to frames
 *
 * Context  HOST: cp_walk_caller      SIGNAL: cp_walk_signal
 *          CONTROL: cp_walk_copy
 * Calls    rules.c (and through it the modules' tables), memo.c, step.c.
 * Holds    On one stack the stack pointer only grows, and stacks are left at most
 *          CP_STEP_SPANS times: a walk ends. Every read lies in the walk's span.
 * Fails    The walk ends where it can't go on; frames found so far stand, and the
 *          reason is counted. pc 0 and an undefined return address are ends
 *          like any other, not losses.
 */
#include "walk.h"

#include "../rt/atomic.h"
#include "loss.h"
#include "memo.h"
#include "module.h"
#include "rules.h"
#include "step.h"
#include "unload.h"

#include <string.h>

/* Frames of our own take steps, but no room. */
#define STEPS_MAX (2 * CP_WALK_MAX)

static struct {
	unsigned own; /* the module that is ourselves; CP_MODULE_SYNTH: none */
} st CP_WARM = {.own = CP_MODULE_SYNTH};

/* Our own frames are nobody's business; their places are walked over. */
CP_INLINE unsigned emit(cp_frame *out, unsigned n, cp_frame frame)
{
	out[n] = frame;
	return n + (cp_frame_module(frame) != st.own);
}

static bool is_address(uintptr_t pc)
{
	return pc - CP_PAGE < CP_FRAME_ADDR_MASK - CP_PAGE;
}

struct output {
	cp_frame *frame;
	unsigned n, max;
	bool *cut;
};

/* Goes along the last walk from entry w->e, which s has met. Answers where the two
 * part (its frame is out, its step to be made anew), or NULL: they don't. */
CP_INLINE const struct cp_memo_entry *follow(struct cp_memo_walk *w, struct output *o)
{
	const struct cp_memo_entry *e = w->e, *last = w->end - 1;
	cp_frame *frame = o->frame;
	unsigned n = o->n, max = o->max;

	for (;; e++) {
		if (CP_UNLIKELY(n == max)) {
			*o->cut = true;
			e = NULL;
			break;
		}
		n = emit(frame, n, e->frame);
		if (e == last) {
			if (w->memo->complete)
				e = NULL;
			break;
		}
		if (CP_UNLIKELY(!cp_memo_leads(e)))
			break;
	}
	o->n = n;
	return e;
}

enum progress {
	GO_ON,
	OUTERMOST, /* the end of the stack */
	AS_BEFORE, /* the rest is the last walk's, from w->e on */
	STOP,	   /* no way on; counted where it was found */
};

/* The state s has been met in the last walk. */
CP_INLINE bool retrace(struct cp_step *s, struct cp_memo_walk *w, struct output *o)
{
	const struct cp_memo_entry *from = w->e, *to = follow(w, o);

	if (!to)
		return true;
	cp_memo_copy(w, from, to, s);
	w->e = to + 1;
	/* Beyond its first entry, what was followed were returns. */
	s->exact = s->exact && to == from;
	s->pc = cp_frame_addr(to->frame) + !s->exact;
	return false;
}

/* No table speaks of where s is: is it a frame? What a coroutine's first one would return to is
 * none; the memo has it under a module that isn't shown, for who compares the way there. */
static CP_COLD enum progress untold(struct cp_step *s, struct cp_memo_walk *w, cp_rule rule)
{
	if (cp_rule_kind(rule) == CP_RULE_EDGE && !s->exact) {
		if (w->on)
			cp_memo_add(w, s, cp_frame_make(st.own, s->pc - 1));
		return OUTERMOST;
	}
	return cp_step_plausible(s, rule) ? GO_ON : STOP;
}

/* One frame, or all that the last walk knows from here on, and the step above. */
CP_INLINE enum progress advance(struct cp_step *s, struct cp_memo_walk *w, struct output *o,
				uint64_t tag)
{
	uintptr_t key = s->pc - !s->exact, sp;
	bool met = w->on && cp_memo_met(w, s, key), exact;
	cp_rule rule;

	if (met && retrace(s, w, o))
		return AS_BEFORE;
	rule = cp_rule_get(s->pc - !s->exact, s->gen, tag);
	if (!met) {
		cp_frame frame = cp_frame_make(cp_rule_module(rule), key);
		enum progress p =
			CP_UNLIKELY(cp_rule_is_missing(rule)) ? untold(s, w, rule) : GO_ON;

		if (p != GO_ON)
			return p;
		o->n = emit(o->frame, o->n, frame);
		if (w->on)
			cp_memo_add(w, s, frame);
	}
	sp = s->sp;
	exact = s->exact;
	if (CP_UNLIKELY(!cp_step(s, rule)))
		return cp_rule_kind(rule) == CP_RULE_END ? OUTERMOST : STOP;
	if (w->on)
		cp_memo_stepped(w, s, rule, sp, exact);
	return GO_ON;
}

static enum progress walk(struct cp_step *s, struct cp_memo_walk *w, struct output *o)
{
	uint64_t tag = cp_rule_tag(s->gen);
	enum progress p = GO_ON;

	for (unsigned steps = STEPS_MAX; p == GO_ON && steps; steps--) {
		if (CP_UNLIKELY(!is_address(s->pc))) {
			w->on = false;
			p = cp_step_lost(s) ? GO_ON : STOP;
		} else if (CP_UNLIKELY(o->n == o->max)) {
			*o->cut = true;
			p = STOP;
		} else {
			p = advance(s, w, o, tag);
		}
		if (CP_UNLIKELY(s->spans))
			w->on = false;
	}
	return p;
}

/* On the thread's own stack, with what it remembers. */
static enum progress walk_own(struct cp_step *s, struct output *o)
{
	struct cp_memo_walk w;
	enum progress p;

	cp_span_own(&s->span, s->t, s->sp);
	cp_memo_open(&w, s->t, s->gen);
	p = walk(s, &w, o);
	if (w.memo && !cp_memo_close(&w, s->t, p == AS_BEFORE ? w.e : NULL, p == OUTERMOST))
		o->n = 0;
	return p;
}

/* No stack to read; but where the thread is we do know. */
static CP_COLD void leaf_only(struct cp_step *s, struct output *o)
{
	uintptr_t key = s->pc - !s->exact;
	cp_rule rule;

	cp_loss_add(CP_LOSS_WALK_BAD_READ, 1);
	if (o->n == o->max || !is_address(s->pc))
		return;
	rule = cp_rule_get(key, s->gen, cp_rule_tag(s->gen));
	o->n = emit(o->frame, o->n, cp_frame_make(cp_rule_module(rule), key));
}

static void walk_foreign(struct cp_step *s, struct output *o)
{
	struct cp_memo_walk w = {.on = false};

	if (cp_span_foreign(&s->span, s->sp))
		walk(s, &w, o);
	else
		leaf_only(s, o);
}

/* All but the span, whose window is large. */
CP_INLINE void set_out(struct cp_step *s, struct cp_thread *t, const struct cp_regs *r)
{
	s->pc = r->pc;
	s->sp = r->sp;
	s->fp = r->fp;
	s->link = 0;
	s->exact = false;
	s->spans = s->fulls = 0;
	s->gen = cp_rules_gen();
	s->t = t;
	s->uc = NULL;
}

static unsigned start(struct cp_step *s, cp_frame *out, unsigned max, bool *cut)
{
	struct output o = {out, 0, CP_MIN(max, CP_WALK_MAX), cut};

	*cut = false;
	if (!cp_rules.entry)
		return 0;
	if (CP_LIKELY(cp_span_owns(s->t, s->sp)))
		walk_own(s, &o);
	else
		walk_foreign(s, &o);
	return o.n;
}

unsigned cp_walk_caller(struct cp_thread *t, const struct cp_regs *r, cp_frame *out, unsigned max,
			bool *cut)
{
	struct cp_step s;

	set_out(&s, t, r);
	return start(&s, out, max, cut);
}

unsigned cp_walk_signal(struct cp_thread *t, const ucontext_t *uc, cp_frame *out, unsigned max,
			bool *cut)
{
	const struct cp_regs r = {cp_cpu_uc_pc(uc), cp_cpu_uc_sp(uc), cp_cpu_uc_fp(uc)};
	struct cp_step s;

	set_out(&s, t, &r);
	s.uc = uc;
	s.link = cp_cpu_uc_link(uc);
	s.exact = true;
	return start(&s, out, max, cut);
}

unsigned cp_walk_copy(struct cp_thread *t, const struct cp_regs *r, bool exact, cp_frame *out,
		      unsigned max, bool *cut, bool *whole)
{
	struct cp_step s;
	struct output o = {out, 0, CP_MIN(max, CP_WALK_MAX), cut};

	set_out(&s, t, r);
	s.exact = exact;
	s.spans = CP_STEP_SPANS; /* another stack was not copied */
	*cut = *whole = false;
	if (!cp_rules.entry)
		return 0;
	if (cp_span_owns(t, r->sp))
		*whole = walk_own(&s, &o) == OUTERMOST || *cut;
	else
		leaf_only(&s, &o);
	return o.n;
}

/* Does the last part of path begin with `name`? */
static bool is_named(const char *path, const char *name, size_t len)
{
	const char *last = path;

	for (; *path; path++)
		if (*path == '/')
			last = path + 1;
	return (size_t)(path - last) >= len && memcmp(last, name, len) == 0;
}

/* Ourselves, when we are the library and not part of a test. */
static void find_own(void)
{
	unsigned id = cp_rules_module((uintptr_t)find_own);
	const struct cp_module *m = cp_module_get(id);

	if (m && is_named(m->path, "libcprof.so", 11))
		st.own = id;
}

int cp_walk_init(size_t bytes)
{
	int err = cp_module_init();

	if (!err)
		err = cp_unload_init();
	if (!err)
		err = cp_rules_init(bytes / 4);
	if (err)
		return err;
	cp_memo_init(bytes - bytes / 4);
	find_own();
	return 0;
}
