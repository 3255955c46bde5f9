/* SPDX-License-Identifier: MIT */
/*
 * rules.c - fills the cache of call-frame rules from the modules' tables
 *
 * Context  HOST, SIGNAL: cp_rule_read, cp_rules_module, _frame      ANY: cp_rules_forget
 * Calls    module.c, cfi.c, expr.c.
 * Shared, Holds, Why: rules.h
 * Fails    What eight bytes can't say becomes CP_RULE_FULL, and is worked out
 *          register by register each time it is met (full.c).
 */
#include "rules.h"

#include "../rt/leb.h"
#include "../rt/mem.h"
#include "cfi.h"
#include "expr.h"
#include "module.h"
#include "unload.h"

#include <errno.h>

#define ENTRIES	      65536U
#define ENTRIES_FIRST 256U /* a page */
#define GROWTH	      4U

struct cp_rules cp_rules CP_WARM = {.gen = 1};

/* --- from a row to a rule --------------------------------------------- */

static bool fits(intptr_t v, intptr_t limit)
{
	return v % 8 == 0 && v > -limit && v < limit;
}

/* Where the return address is, from the frame address; false when elsewhere. */
static bool return_slot(const struct cp_row *row, intptr_t *aux)
{
	if (CP_CPU_HAS_LINK && row->how[CP_CPU_RA] == CP_HOW_SAME) {
		*aux = CP_RULE_LINK;
		return true;
	}
	*aux = row->off[CP_CPU_RA];
	if (row->how[CP_CPU_RA] != CP_HOW_OFFSET)
		return false;
	return CP_CPU_HAS_LINK ? fits(*aux, CP_RULE_FP_MAX) : *aux == CP_CPU_RA_OFFSET;
}

static cp_rule pack_plain(const struct cp_row *row, unsigned module, intptr_t cfa, intptr_t aux)
{
	bool by_fp = row->cfa_reg == CP_CPU_FP;
	enum cp_rule_kind stays = by_fp ? CP_RULE_FP : CP_RULE_SP;
	enum cp_rule_kind saved = by_fp ? CP_RULE_FP_FP : CP_RULE_SP_FP;
	intptr_t fp = row->off[CP_CPU_FP];

	if ((!by_fp && row->cfa_reg != CP_CPU_SP) || !fits(cfa, CP_RULE_CFA_MAX))
		return cp_rule_make(CP_RULE_FULL, module, 0, 0, 0);
	switch (row->how[CP_CPU_FP]) {
	case CP_HOW_SAME:
	case CP_HOW_UNDEFINED:
		return cp_rule_make(stays, module, cfa, aux, 0);
	case CP_HOW_OFFSET:
		if (fits(fp, CP_RULE_FP_MAX))
			return cp_rule_make(saved, module, cfa, aux, fp);
		break;
	}
	return cp_rule_make(CP_RULE_FULL, module, 0, 0, 0);
}

/* An expression that is sp plus a constant at this very address, as in PLT
 * stubs: tried with two stack pointers, without a look at memory. */
static bool constant_cfa(const struct cp_row *row, const uint8_t *end, uintptr_t key, intptr_t *off)
{
	struct cp_full f = {.known = 1U << CP_CPU_SP | 1U << CP_CPU_RA};
	uintptr_t at[2], sp[2] = {0x10000, 0x7f0000000010};

	f.r[CP_CPU_RA] = key;
	for (int i = 0; i < 2; i++) {
		f.r[CP_CPU_SP] = sp[i];
		if (!cp_expr_run(row->cfa_expr, end, &f, NULL, NULL, &at[i]))
			return false;
	}
	*off = (intptr_t)(at[0] - sp[0]);
	return at[0] - sp[0] == at[1] - sp[1] && fits(*off, CP_RULE_CFA_MAX);
}

/* `breg a; deref [; plus_uconst b]`: realigned frames and assembler that keeps
 * the caller's sp in memory. */
static bool deref_cfa(const struct cp_row *row, const uint8_t *end, uint8_t *reg, intptr_t *a,
		      intptr_t *b)
{
	struct cp_leb in = {row->cfa_expr, end, false};
	uint64_t length = cp_leb_u(&in);

	if (length > (size_t)(in.end - in.p))
		return false;
	in.end = in.p + length;
	*reg = (uint8_t)(cp_leb_u8(&in) - 0x70 /* breg0 */);
	*a = cp_leb_s(&in);
	if (cp_leb_u8(&in) != 0x06 /* deref */)
		return false;
	*b = 0;
	if (in.p < in.end && cp_leb_u8(&in) == 0x23 /* plus_uconst */)
		*b = (intptr_t)cp_leb_u(&in);
	return !in.bad && in.p == in.end && fits(*a, CP_RULE_CFA_MAX) && fits(*b, CP_RULE_FP_MAX);
}

/* fp saved at an expression of the form `breg fp + x`. */
static bool fp_at_fp(const struct cp_row *row, const uint8_t *end, intptr_t *x)
{
	struct cp_leb in = {row->tables + row->off[CP_CPU_FP], end, false};
	uint64_t length = cp_leb_u(&in);

	if (length > (size_t)(in.end - in.p))
		return false;
	in.end = in.p + length;
	if (cp_leb_u8(&in) != 0x70 + CP_CPU_FP)
		return false;
	*x = cp_leb_s(&in);
	return !in.bad && in.p == in.end && fits(*x, CP_RULE_FP_MAX);
}

static cp_rule pack_deref(const struct cp_row *row, const uint8_t *end, unsigned module)
{
	cp_rule full = cp_rule_make(CP_RULE_FULL, module, 0, 0, 0);
	uint8_t reg, how = row->how[CP_CPU_FP];
	intptr_t a, b, fp = row->off[CP_CPU_FP];

	/* The return slot has no room of its own in these rules. */
	if (CP_CPU_HAS_LINK || !deref_cfa(row, end, &reg, &a, &b))
		return full;
	if (how == CP_HOW_SAME || how == CP_HOW_UNDEFINED)
		fp = CP_RULE_NO_FP;
	if (reg == CP_CPU_SP &&
	    (fp == CP_RULE_NO_FP || (how == CP_HOW_OFFSET && fits(fp, CP_RULE_FP_MAX))))
		return cp_rule_make(CP_RULE_DEREF_SP, module, a, b, fp);
	if (reg == CP_CPU_FP &&
	    (fp == CP_RULE_NO_FP || (how == CP_HOW_EXPR && fp_at_fp(row, end, &fp))))
		return cp_rule_make(CP_RULE_DEREF_FP, module, a, b, fp);
	return full;
}

/* key is one below the trampoline when it was returned to. */
static bool is_sigreturn(uintptr_t key, bool careful)
{
	return cp_cpu_is_sigreturn(key + 1, careful) || cp_cpu_is_sigreturn(key, careful);
}

static cp_rule pack(const struct cp_row *row, const struct cp_module *m, unsigned module,
		    uintptr_t key, bool careful)
{
	const uint8_t *end = (const uint8_t *)m->cfi_hi;
	intptr_t cfa = row->cfa_off, aux;
	struct cp_row plain;

	if (row->signal)
		return cp_rule_make(is_sigreturn(key, careful) ? CP_RULE_SIGNAL : CP_RULE_FULL,
				    module, 0, 0, 0);
	if (row->how[CP_CPU_RA] == CP_HOW_UNDEFINED)
		return cp_rule_make(CP_RULE_END, module, 0, 0, 0);
	if (!return_slot(row, &aux))
		return cp_rule_make(CP_RULE_FULL, module, 0, 0, 0);
	if (!row->cfa_expr)
		return pack_plain(row, module, cfa, aux);
	if (!constant_cfa(row, end, key, &cfa))
		return pack_deref(row, end, module);
	plain = *row;
	plain.cfa_reg = CP_CPU_SP;
	return pack_plain(&plain, module, cfa, aux);
}

/* Of an address the tables don't speak of. A trampoline they don't know, or know from its
 * first byte on. Or the byte before a function, and no call: nobody returns to the next one, but
 * for what was laid under a coroutine's first frame for it to go on with (__start_context). */
static CP_COLD enum cp_rule_kind untold(const struct cp_module *m, uintptr_t key, bool careful)
{
	if (is_sigreturn(key, careful))
		return CP_RULE_SIGNAL;
	if (cp_cfi_begins(m, key + 1, careful) && !cp_cpu_after_call(key + 1, careful))
		return CP_RULE_EDGE;
	return CP_RULE_NONE;
}

/* --- the cache -------------------------------------------------------- */

static cp_rule read_tables(const struct cp_module *m, unsigned module, uintptr_t key, bool careful)
{
	enum cp_rule_kind kind = CP_RULE_BAD;
	struct cp_row row;

	switch (cp_cfi_find(m, key, careful, &row)) {
	case CP_CFI_OK:
		return pack(&row, m, module, key, careful);
	case CP_CFI_NONE:
		kind = untold(m, key, careful);
		break;
	case CP_CFI_BAD:
		break;
	}
	return cp_rule_make(kind, module, 0, 0, 0);
}

static void put(uintptr_t key, uint64_t gen, cp_rule rule, uint32_t mask)
{
	struct cp_rule_entry *e = cp_rule_place(key, mask);

	cp_store_rlx(&e->check, key ^ cp_rule_tag(gen) ^ rule);
	cp_store_rlx(&e->rule, rule);
}

static uint32_t grown(uint32_t mask)
{
	return CP_MIN((mask + 1) * GROWTH - 1, cp_rules.most);
}

/* Half of the places are taken, or were: there are to be more. */
static void remember(uintptr_t key, uint64_t gen, cp_rule rule)
{
	uint32_t mask = cp_load_rlx(&cp_rules.mask);

	put(key, gen, rule, mask);
	if (mask < cp_rules.most && cp_add_rlx(&cp_rules.filled, 1) > mask / 2)
		cp_cas_rlx(&cp_rules.mask, &mask, grown(mask));
}

/* Where it lay while there were fewer places. */
static bool recall(uintptr_t key, uint64_t gen, cp_rule *rule)
{
	uint32_t mask = cp_load_rlx(&cp_rules.mask);

	for (uint32_t old = ENTRIES_FIRST - 1; old < mask; old = grown(old)) {
		if (!cp_rule_met(cp_rule_place(key, old), key, cp_rule_tag(gen), rule))
			continue;
		put(key, gen, *rule, mask);
		return true;
	}
	return false;
}

CP_NOINLINE cp_rule cp_rule_read(uintptr_t key, uint64_t gen)
{
	bool careful, stale = false;
	const struct cp_module *m = NULL;
	unsigned module;
	cp_rule rule;

	if (recall(key, gen, &rule))
		return rule;
	careful = cp_unload_enter();
	module = cp_module_find(key, gen, careful, &m, &stale);
	if (module)
		rule = read_tables(m, module, key, careful);
	else
		rule = cp_rule_make(is_sigreturn(key, true) ? CP_RULE_SIGNAL : CP_RULE_NONE,
				    CP_MODULE_NONE, 0, 0, 0);
	cp_unload_leave();
	if (stale)
		cp_rules_forget();
	/* Outside any module nothing tells us when it changes; and what was read with
	 * half the tables out of reach isn't the last word. */
	else if (module && !(careful && cp_rule_kind(rule) == CP_RULE_BAD))
		remember(key, gen, rule);
	return rule;
}

unsigned cp_rules_module(uintptr_t addr)
{
	uint64_t gen = cp_rules_gen();
	bool careful = cp_unload_enter(), stale = false;
	const struct cp_module *m;
	unsigned id = cp_module_find(addr, gen, careful, &m, &stale);

	cp_unload_leave();
	if (stale)
		cp_rules_forget();
	return id;
}

cp_frame cp_rules_frame(uintptr_t pc)
{
	uint64_t gen = cp_rules_gen();

	if (!cp_rules.entry || pc > CP_FRAME_ADDR_MASK)
		return cp_frame_make(cp_rules_module(pc), pc);
	return cp_frame_make(cp_rule_module(cp_rule_get(pc, gen, cp_rule_tag(gen))), pc);
}

void cp_rules_forget(void)
{
	uint64_t gen = cp_add_acqrel(&cp_rules.gen, 1) + 1;

	/* Tags come round: before one is used again, its entries must be gone. A
	 * walk of exactly 65,535 generations ago would have to be still at it. */
	if (gen % 0xffff == 0 && cp_rules.entry)
		CP_SYS(SYS_madvise, cp_rules.entry,
		       ((size_t)cp_rules.most + 1) * sizeof(*cp_rules.entry), MADV_DONTNEED);
	cp_store_rlx(&cp_rules.filled, 0);
}

int cp_rules_init(size_t bytes)
{
	uint32_t n = ENTRIES;

	if (cp_rules.entry)
		return 0;
	while (n > ENTRIES_FIRST && n * sizeof(struct cp_rule_entry) > bytes)
		n /= 2;
	cp_rules.entry = cp_mem_map(n * sizeof(struct cp_rule_entry));
	if (!cp_rules.entry)
		return -ENOMEM;
	cp_rules.most = n - 1;
	cp_rules.mask = ENTRIES_FIRST - 1;
	return 0;
}
