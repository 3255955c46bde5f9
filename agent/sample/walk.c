/* SPDX-License-Identifier: MIT */
/*
 * walk.c - the stack walker: from registers to frames
 *
 * Context  HOST: cp_walk_caller, cp_walk_forget      SIGNAL: cp_walk_signal
 * Calls    rules.c (and through it the modules' tables), guess.c, full.c.
 * Holds    On one stack the stack pointer only grows, and stacks are left at most
 *          SPANS_MAX times: a walk ends. Every read lies in the walk's span.
 * Fails    The walk ends where it can't go on; frames found so far stand, and the
 *          reason is counted. pc 0 and an undefined return address are ends
 *          like any other, not losses.
 */
#include "walk.h"

#include "../rt/atomic.h"
#include "loss.h"
#include "module.h"
#include "rules.h"
#include "step.h"
#include "unload.h"

#include <string.h>

static struct {
	unsigned own; /* the module that is ourselves; CP_MODULE_SYNTH: none */
} st = {.own = CP_MODULE_SYNTH};

/* Our own frames are nobody's business; their places are walked over. */
CP_INLINE void emit(struct cp_step *s, cp_frame *out, unsigned *n, unsigned module, uintptr_t key)
{
	(void)s;
	out[*n] = cp_frame_make(module, key);
	*n += module != st.own;
}

static unsigned walk(struct cp_step *s, cp_frame *out, unsigned max, bool *cut)
{
	uint64_t tag = cp_rule_tag(s->gen);
	unsigned n = 0, steps = 4 * CP_WALK_MAX;

	while (steps--) {
		uintptr_t key = s->pc - !s->exact;
		cp_rule rule;

		if (CP_UNLIKELY(s->pc - CP_PAGE >= CP_FRAME_ADDR_MASK - CP_PAGE)) {
			if (!cp_step_lost(s))
				return n;
			continue;
		}
		if (CP_UNLIKELY(n == max)) {
			*cut = true;
			return n;
		}
		rule = cp_rule_get(key, s->gen, tag);
		emit(s, out, &n, cp_rule_module(rule), key);
		if (!cp_step(s, rule))
			return n;
	}
	return n;
}

static unsigned start(struct cp_step *s, cp_frame *out, unsigned max, bool *cut)
{
	unsigned n;

	*cut = false;
	s->gen = cp_rules_gen();
	if (!cp_rules.entry)
		return 0;
	if (cp_span_owns(s->t, s->sp))
		cp_span_own(&s->span, s->t, s->sp);
	else if (!cp_span_foreign(&s->span, s->sp)) {
		cp_loss_add(CP_LOSS_WALK_BAD_READ, 1);
		return 0;
	}
	n = walk(s, out, CP_MIN(max, CP_WALK_MAX), cut);
	return n;
}

unsigned cp_walk_caller(struct cp_thread *t, const struct cp_regs *r, cp_frame *out, unsigned max,
			bool *cut)
{
	struct cp_step s = {.t = t, .pc = r->pc, .sp = r->sp, .fp = r->fp};

	return start(&s, out, max, cut);
}

unsigned cp_walk_signal(struct cp_thread *t, const ucontext_t *uc, cp_frame *out, unsigned max,
			bool *cut)
{
	struct cp_step s = {.t = t,
			    .uc = uc,
			    .pc = cp_cpu_uc_pc(uc),
			    .sp = cp_cpu_uc_sp(uc),
			    .fp = cp_cpu_uc_fp(uc),
			    .link = cp_cpu_uc_link(uc),
			    .exact = true};

	return start(&s, out, max, cut);
}

void cp_walk_forget(void)
{
	cp_rules_forget();
}

void cp_walk_unload_begin(void)
{
	cp_unload_begin();
}

void cp_walk_unload_end(void)
{
	cp_rules_forget();
	cp_unload_end();
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
	unsigned id = cp_module_of((uintptr_t)find_own);
	const struct cp_module *m = cp_module_get(id);

	if (m && is_named(m->path, "libcprof.so", 11))
		st.own = id;
}

/* One walk, so that the first in a handler meets nothing for the first time. */
static CP_NOINLINE void warm_up(void)
{
	struct cp_regs here = CP_CALLER_REGS();
	cp_frame frame[8];
	bool cut;

	cp_walk_caller(cp_thread_ready(), &here, frame, CP_ARRAY_LEN(frame), &cut);
}

int cp_walk_init(size_t bytes)
{
	int err = cp_module_init();

	if (!err)
		err = cp_rules_init(bytes / 2);
	if (err)
		return err;
	find_own();
	warm_up();
	return 0;
}
