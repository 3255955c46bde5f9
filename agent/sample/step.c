/* SPDX-License-Identifier: MIT */
/*
 * step.c - the rare ways up the stack: signal frames, frame addresses kept in
 * memory, rules that need every register, and code without rules
 *
 * Context  HOST, SIGNAL
 * Calls    module.c, full.c, span.c.
 * Holds    as step.h; at most CP_STEP_SPANS stacks and FULLS_MAX long steps per walk.
 * Why      A guess is taken only when the code agrees: an address counts as a
 *          return address when the bytes before it are a call. A frame-pointer
 *          register in code that doesn't keep one holds anything at all.
 */
#include "step.h"

#include "full.h"
#include "loss.h"
#include "module.h"
#include "unload.h"

#define FULLS_MAX 8

static bool end(enum cp_loss reason)
{
	cp_loss_add(reason, 1);
	return false;
}

static bool in_span(const struct cp_span *s, uintptr_t sp)
{
	return sp >= s->lo && sp < s->max;
}

/* The frame above begins at cfa. */
static bool land(struct cp_step *s, uintptr_t cfa, uintptr_t fp, uintptr_t pc, bool exact)
{
	s->pc = pc;
	s->sp = cfa;
	s->fp = fp;
	s->exact = exact;
	return true;
}

/* --- plain rules, near the end of what may be read --------------------- */

bool cp_step_checked(struct cp_step *s, cp_rule rule, uintptr_t cfa, uintptr_t fp)
{
	enum cp_rule_kind kind = cp_rule_kind(rule);
	bool frameless = CP_CPU_HAS_LINK && s->exact && cp_rule_aux(rule) == CP_RULE_LINK;
	uintptr_t pc;

	if (cfa % 8 || (cfa <= s->sp && !(frameless && cfa == s->sp)))
		return end(CP_LOSS_WALK_BAD_CFA);
	if ((kind == CP_RULE_SP_FP || kind == CP_RULE_FP_FP) &&
	    !cp_span_read(&s->span, cfa + (uintptr_t)cp_rule_fp(rule), &fp))
		return end(CP_LOSS_WALK_BAD_READ);
	if (!cp_step_return(s, rule, cfa, &pc))
		return end(CP_LOSS_WALK_BAD_READ);
	return land(s, cfa, fp, pc, false);
}

static bool deref(struct cp_step *s, cp_rule rule)
{
	bool by_sp = cp_rule_kind(rule) == CP_RULE_DEREF_SP;
	intptr_t at = cp_rule_fp(rule);
	uintptr_t cfa, fp = s->fp, pc;

	if (!cp_span_read(&s->span, (by_sp ? s->sp : s->fp) + (uintptr_t)cp_rule_cfa(rule), &cfa))
		return end(CP_LOSS_WALK_BAD_READ);
	cfa += (uintptr_t)cp_rule_aux(rule);
	if (cfa % 8 || cfa <= s->sp)
		return end(CP_LOSS_WALK_BAD_CFA);
	if (at != CP_RULE_NO_FP &&
	    !cp_span_read(&s->span, (by_sp ? cfa : s->fp) + (uintptr_t)at, &fp))
		return end(CP_LOSS_WALK_BAD_READ);
	if (!cp_span_read(&s->span, cfa + CP_CPU_RA_OFFSET, &pc))
		return end(CP_LOSS_WALK_BAD_READ);
	return land(s, cfa, fp, pc, false);
}

/* --- signal frames ---------------------------------------------------- */

/* To where sp says, on this stack or another, which is not read in place even if it should
 * be the thread's own. */
static bool change_stack(struct cp_step *s, struct cp_span *span, uintptr_t from, uintptr_t to)
{
	if (in_span(span, to))
		return to > from;
	return s->spans++ < CP_STEP_SPANS && cp_span_foreign(span, to);
}

static bool signal_frame(struct cp_step *s)
{
	uintptr_t pc, sp, fp;

	if (!cp_span_read(&s->span, s->sp + CP_CPU_SIGFRAME_PC, &pc) ||
	    !cp_span_read(&s->span, s->sp + CP_CPU_SIGFRAME_SP, &sp) ||
	    !cp_span_read(&s->span, s->sp + CP_CPU_SIGFRAME_FP, &fp))
		return end(CP_LOSS_WALK_BAD_READ);
	if (CP_CPU_HAS_LINK && !cp_span_read(&s->span, s->sp + CP_CPU_SIGFRAME_LINK, &s->link))
		return end(CP_LOSS_WALK_BAD_READ);
	if (!change_stack(s, &s->span, s->sp, sp))
		return end(CP_LOSS_WALK_BAD_CFA);
	return land(s, sp, fp, pc, true);
}

/* --- the long way ----------------------------------------------------- */

/* Follows every register from where the walk began up to the frame it has come
 * to, and over it. */
static enum cp_full_result follow(struct cp_step *s, struct cp_full *f, bool *exact)
{
	struct cp_span span;
	enum cp_full_result result;

	if (cp_span_owns(s->t, f->r[CP_CPU_SP]))
		cp_span_own(&span, s->t, f->r[CP_CPU_SP]);
	else if (!cp_span_foreign(&span, f->r[CP_CPU_SP]))
		return CP_FULL_BAD_READ;
	for (unsigned i = 0; i < 2 * 128; i++) {
		bool there = cp_cpu_full_pc(f) == s->pc && f->r[CP_CPU_SP] == s->sp;
		uintptr_t sp = f->r[CP_CPU_SP];
		bool was_exact = *exact, stays;

		result = cp_full_step(f, exact, s->gen, &span);
		if (result != CP_FULL_OK || there)
			return result;
		stays = was_exact && f->r[CP_CPU_SP] == sp;
		if (!stays && !change_stack(s, &span, sp, f->r[CP_CPU_SP]))
			break;
	}
	return CP_FULL_BAD_READ;
}

static CP_NOINLINE bool full(struct cp_step *s)
{
	struct cp_full f;
	bool exact = true, frameless;

	if (s->fulls++ == FULLS_MAX)
		return end(CP_LOSS_WALK_BAD_RULE);
	if (s->uc)
		cp_cpu_full_from(&f, cp_cpu_uc_regs(s->uc));
	else
		cp_cpu_full_here(&f);
	switch (follow(s, &f, &exact)) {
	case CP_FULL_END:
		return false;
	case CP_FULL_NO_RULE:
		return end(CP_LOSS_WALK_NO_RULE);
	case CP_FULL_BAD_RULE:
		return end(CP_LOSS_WALK_BAD_RULE);
	case CP_FULL_BAD_READ:
		return end(CP_LOSS_WALK_BAD_READ);
	case CP_FULL_OK:
		break;
	}
	/* The return address may be in a register, and nothing left on the stack:
	 * vfork, and libgcc's last instructions before a landing pad. */
	frameless = s->exact && f.r[CP_CPU_SP] == s->sp;
	if (f.r[CP_CPU_SP] % 8 || (!frameless && !change_stack(s, &s->span, s->sp, f.r[CP_CPU_SP])))
		return end(CP_LOSS_WALK_BAD_CFA);
	if (f.known >> CP_CPU_FP & 1)
		s->fp = f.r[CP_CPU_FP];
	return land(s, f.r[CP_CPU_SP], s->fp, cp_cpu_full_pc(&f), exact);
}

/* --- code without rules ----------------------------------------------- */

static bool is_call_into(uintptr_t from, uintptr_t ret)
{
	/* From a module without rules only into a module: else JIT code may have
	 * called JIT code. */
	bool careful, into, yes;

	if (ret < CP_PAGE || ret > CP_FRAME_ADDR_MASK)
		return false;
	careful = cp_unload_enter();
	into = cp_module_has(ret - 1);
	yes = (into || !cp_module_has(from)) && cp_cpu_after_call(ret, careful || !into);
	cp_unload_leave();
	return yes;
}

/* Just called, or about to return: the return address is on top. */
static bool guess_leaf(struct cp_step *s)
{
	uintptr_t ret;

	if (CP_CPU_HAS_LINK) {
		ret = cp_cpu_strip(s->link);
		return is_call_into(s->pc, ret) && land(s, s->sp, s->fp, ret, false);
	}
	return cp_span_read(&s->span, s->sp, &ret) && is_call_into(s->pc, ret) &&
	       land(s, s->sp + 8, s->fp, ret, false);
}

static bool guess(struct cp_step *s)
{
	uintptr_t fp = s->fp, next, ret;

	if (s->sp % 8)
		return end(CP_LOSS_WALK_BAD_CFA);
	if (s->exact && guess_leaf(s))
		return true;
	if (!s->exact && fp == 0)
		return false; /* how the ABI marks the outermost frame: ld.so's start is one */
	if (fp % 8 || fp < s->sp || !cp_span_read(&s->span, fp, &next) ||
	    !cp_span_read(&s->span, fp + 8, &ret))
		return end(CP_LOSS_WALK_NO_RULE);
	ret = cp_cpu_strip(ret);
	if (!is_call_into(s->pc, ret))
		return end(CP_LOSS_WALK_NO_RULE);
	return land(s, fp + 16, next, ret, false);
}

/* Where the thread is, it is; elsewhere a call must lie before the address, or
 * stale stack slots (libgcc's, while it puts a landing pad's registers into its own
 * frame) would make frames of anything. And no call lies on the stack, whatever its
 * bytes look like. */
bool cp_step_plausible(const struct cp_step *s, cp_rule rule)
{
	return s->exact || cp_rule_module(rule) != CP_MODULE_NONE ||
	       (!cp_span_owns(s->t, s->pc) && cp_cpu_after_call(s->pc, true)) ||
	       end(CP_LOSS_WALK_NO_RULE);
}

bool cp_step_lost(struct cp_step *s)
{
	if (s->exact)
		return guess(s);
	return s->pc ? end(CP_LOSS_WALK_NO_RULE) : false;
}

bool cp_step_rare(struct cp_step *s, cp_rule rule)
{
	switch (cp_rule_kind(rule)) {
	case CP_RULE_END:
		return false;
	case CP_RULE_DEREF_SP:
	case CP_RULE_DEREF_FP:
		return deref(s, rule);
	case CP_RULE_SIGNAL:
		return signal_frame(s);
	case CP_RULE_FULL:
		return full(s);
	case CP_RULE_NONE:
		return guess(s);
	case CP_RULE_EDGE:
		return s->exact && guess(s);
	default:
		return end(CP_LOSS_WALK_BAD_RULE);
	}
}
