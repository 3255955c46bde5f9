/* SPDX-License-Identifier: MIT */
/*
 * step.h - one step up the stack
 *
 * Context  HOST, SIGNAL: cp_step inline, the rare ways in step.c.
 * Holds    After a true answer sp is higher than before (or a signal frame led to
 *          another stack), sp is a multiple of 8, and pc was read from the span.
 * Fails    false: the walk is over; a reason that isn't a proper end is counted.
 */
#ifndef CP_SAMPLE_STEP_H
#define CP_SAMPLE_STEP_H

#include "../rt/base.h"
#include "../rt/thread.h"
#include "cpu.h"
#include "rules.h"
#include "span.h"

#define CP_STEP_SPANS 4 /* stacks that may be left behind */

struct cp_step {
	uintptr_t pc, sp, fp;
	uintptr_t link; /* the link register, while `exact` says it still holds */
	bool exact;	/* pc is where the thread is, not where a call returns to */
	uint8_t spans;	/* stacks left behind */
	uint8_t fulls;	/* frames stepped over the long way */
	struct cp_span span;
	uint64_t gen;
	struct cp_thread *t;
	const ucontext_t *uc; /* where the walk began, or NULL: in a function of ours */
};

/* Everything but the common kinds of rule. */
bool cp_step_rare(struct cp_step *s, cp_rule rule);
/* pc is no address at all. */
bool cp_step_lost(struct cp_step *s);
/* May pc, which no table speaks of, be a frame? */
bool cp_step_plausible(const struct cp_step *s, cp_rule rule);
/* Takes the frame above cfa, checks included, when it isn't plainly near. */
bool cp_step_checked(struct cp_step *s, cp_rule rule, uintptr_t cfa, uintptr_t fp);

/* The return address, given the frame address. */
CP_INLINE bool cp_step_return(struct cp_step *s, cp_rule rule, uintptr_t cfa, uintptr_t *pc)
{
	if (!CP_CPU_HAS_LINK)
		return cp_span_read(&s->span, cfa + CP_CPU_RA_OFFSET, pc);
	if (cp_rule_aux(rule) == CP_RULE_LINK) {
		*pc = cp_cpu_strip(s->link);
		return s->exact;
	}
	if (!cp_span_read(&s->span, cfa + (uintptr_t)cp_rule_aux(rule), pc))
		return false;
	*pc = cp_cpu_strip(*pc);
	return true;
}

CP_INLINE bool cp_step(struct cp_step *s, cp_rule rule)
{
	enum cp_rule_kind kind = cp_rule_kind(rule);
	uintptr_t cfa, fp = s->fp, sp = s->sp, pc;

	if (CP_LIKELY(kind == CP_RULE_SP || kind == CP_RULE_SP_FP))
		cfa = sp + (uintptr_t)cp_rule_cfa(rule);
	else if (kind == CP_RULE_FP || kind == CP_RULE_FP_FP)
		cfa = fp + (uintptr_t)cp_rule_cfa(rule);
	else
		return cp_step_rare(s, rule);
	/* A leaf on arm64 may have no frame. */
	if (CP_UNLIKELY(cfa <= sp || cfa % 8 || !cp_span_near(&s->span, cfa - 8)))
		return cp_step_checked(s, rule, cfa, fp);
	if (kind == CP_RULE_SP_FP || kind == CP_RULE_FP_FP) {
		uintptr_t slot = cfa + (uintptr_t)cp_rule_fp(rule);

		if (CP_UNLIKELY(!cp_span_near(&s->span, slot)))
			return cp_step_checked(s, rule, cfa, fp);
		fp = cp_word_across(slot);
	}
	if (!cp_step_return(s, rule, cfa, &pc))
		return cp_step_checked(s, rule, cfa, fp);
	s->pc = pc;
	s->sp = cfa;
	s->fp = fp;
	s->exact = false;
	return true;
}

#endif
