/* SPDX-License-Identifier: MIT */
/*
 * full.c - one step up the stack with every register followed
 *
 * Context  HOST, SIGNAL
 * Calls    module.c, cfi.c, expr.c.
 * Holds    A register is `known` only when the tables say where its value is, or
 *          when nothing was said of it: caller-saved ones of a frame below a call
 *          keep the value they had, as in every unwinder.
 * Why      ld.so's resolver keeps its frame in rbx, vfork its return address in rdi,
 *          assembler what it likes. They are too few to cost the others anything.
 */
#include "full.h"

#include "cfi.h"
#include "expr.h"
#include "module.h"
#include "rules.h"
#include "unload.h"

struct step {
	const struct cp_row *row;
	const uint8_t *end; /* of the tables */
	struct cp_full *old;
	struct cp_span *span;
	uintptr_t cfa;
};

static bool frame_address(struct step *s)
{
	const struct cp_row *row = s->row;

	if (row->cfa_expr)
		return cp_expr_run(row->cfa_expr, s->end, s->old, s->span, NULL, &s->cfa);
	s->cfa = s->old->r[row->cfa_reg] + (uintptr_t)row->cfa_off;
	return s->old->known >> row->cfa_reg & 1;
}

/* The caller's register i. False: not to be had. */
static bool find(struct step *s, unsigned i, uintptr_t *v)
{
	int32_t off = s->row->off[i];

	switch (s->row->how[i]) {
	case CP_HOW_SAME:
		*v = s->old->r[i];
		return s->old->known >> i & 1;
	case CP_HOW_OFFSET:
		return cp_span_read(s->span, s->cfa + (uintptr_t)(intptr_t)off, v);
	case CP_HOW_VAL_OFFSET:
		*v = s->cfa + (uintptr_t)(intptr_t)off;
		return true;
	case CP_HOW_REGISTER:
		if (off < 0 || off >= CP_CPU_REGS)
			return false;
		*v = s->old->r[off];
		return s->old->known >> off & 1;
	case CP_HOW_EXPR:
		return cp_expr_run(s->row->tables + off, s->end, s->old, s->span, &s->cfa, v) &&
		       cp_span_read(s->span, *v, v);
	case CP_HOW_VAL_EXPR:
		return cp_expr_run(s->row->tables + off, s->end, s->old, s->span, &s->cfa, v);
	default:
		return false;
	}
}

static enum cp_full_result apply(struct step *s)
{
	struct cp_full new = {.known = 0};

	if (s->row->how[CP_CPU_RA] == CP_HOW_UNDEFINED)
		return CP_FULL_END;
	if (!frame_address(s))
		return CP_FULL_BAD_READ;
	for (unsigned i = 0; i < CP_CPU_REGS; i++)
		if (find(s, i, &new.r[i]))
			new.known |= 1U << i;
	if (s->row->how[CP_CPU_SP] == CP_HOW_SAME) {
		new.r[CP_CPU_SP] = s->cfa;
		new.known |= 1U << CP_CPU_SP;
	}
	if (!(new.known >> CP_CPU_RA & 1) || !(new.known >> CP_CPU_SP & 1))
		return CP_FULL_BAD_READ;
	*s->old = new;
	cp_cpu_full_returned(s->old);
	return CP_FULL_OK;
}

/* libgcc jumps to a landing pad by rules that follow registers. No call is before one, and the
 * byte that is has another's row. */
static bool is_jumped_to(uintptr_t pc, bool careful)
{
	return cp_module_has(pc) && !cp_cpu_after_call(pc, careful);
}

/* The kernel's own record of every register; what follows it is the handler's. */
static enum cp_full_result apply_signal(struct cp_full *f, struct cp_span *span)
{
	uintptr_t regs[CP_CPU_SIGFRAME_WORDS] = {0}, at = f->r[CP_CPU_SP] + CP_CPU_SIGFRAME_REGS;

	for (unsigned i = 0; i < CP_CPU_SIGFRAME_WORDS; i++)
		if (!cp_span_read(span, at + i * sizeof(regs[0]), &regs[i]))
			return CP_FULL_BAD_READ;
	cp_cpu_full_from(f, regs);
	return CP_FULL_OK;
}

enum cp_full_result cp_full_step(struct cp_full *f, bool *exact, uint64_t gen, struct cp_span *span)
{
	uintptr_t key = cp_cpu_full_pc(f) - !*exact;
	bool careful = cp_unload_enter(), stale = false;
	enum cp_full_result result = CP_FULL_NO_RULE;
	const struct cp_module *m = NULL;
	unsigned module = cp_module_find(key, gen, careful, &m, &stale);
	enum cp_cfi_result found;
	struct cp_row row;

	if (stale)
		cp_rules_forget(); /* they are of another object that lay here */
	if (!module) {
		cp_unload_leave();
		return CP_FULL_NO_RULE;
	}
	found = cp_cfi_find(m, key, careful, &row);
	if ((found == CP_CFI_NONE || (found == CP_CFI_OK && row.signal)) &&
	    cp_cpu_is_sigreturn(cp_cpu_full_pc(f), careful)) {
		*exact = true;
		result = apply_signal(f, span);
	} else if (found == CP_CFI_OK) {
		struct step s = {&row, (const uint8_t *)m->cfi_hi, f, span, 0};

		result = apply(&s);
		*exact = row.signal ||
			 (result == CP_FULL_OK && is_jumped_to(cp_cpu_full_pc(f), careful));
	} else if (found == CP_CFI_BAD) {
		result = CP_FULL_BAD_RULE;
	}
	cp_unload_leave();
	return result;
}
