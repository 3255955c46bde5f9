/* SPDX-License-Identifier: MIT */
/*
 * rules.h - the cache of call-frame rules: from an address to eight bytes that
 * say how to step over its frame, and which module it is in
 *
 * Context  HOST, SIGNAL: cp_rule_get
 * Shared   at most 65,536 entries of two words, {key ^ tag ^ rule, rule}, both relaxed; mask and
 *          filled, relaxed: whoever sees an older mask looks, or writes, in an older place.
 * Holds    An entry speaks of key iff the two words xor to key ^ tag: a torn
 *          entry, an older generation's, another key's never do (tag has bits
 *          above the 48 of an address, another set in each generation).
 * Fails    A miss reads the tables again; nothing is ever wrong, only slower.
 * Why      No lock, no order, re-entrant, O(1) to forget everything. The low
 *          bits of the address choose the entry, so that neighbours share lines.
 *          A page that is met for the first time costs two faults, so that only some
 *          are used until they are half full.
 */
#ifndef CP_SAMPLE_RULES_H
#define CP_SAMPLE_RULES_H

#include "../rt/atomic.h"
#include "../rt/base.h"

enum cp_rule_kind {
	CP_RULE_NONE,	  /* the tables don't speak of it: guess, carefully */
	CP_RULE_EDGE,	  /* nor does a call end there, and a function begins behind it */
	CP_RULE_END,	  /* the outermost frame */
	CP_RULE_SP,	  /* cfa = sp + cfa, fp stays */
	CP_RULE_SP_FP,	  /* cfa = sp + cfa, fp at cfa + fp */
	CP_RULE_FP,	  /* cfa = fp + cfa, fp stays */
	CP_RULE_FP_FP,	  /* cfa = fp + cfa, fp at cfa + fp */
	CP_RULE_DEREF_SP, /* cfa = *(sp + cfa) + aux, fp at cfa + fp */
	CP_RULE_DEREF_FP, /* cfa = *(fp + cfa) + aux, fp at old fp + fp */
	CP_RULE_SIGNAL,	  /* everything is in the signal frame at sp */
	CP_RULE_FULL,	  /* needs every register: step over it the long way */
	CP_RULE_BAD,	  /* not understood */
};

/* kind:4 module:13 then, in eighths, fp:14 aux:14 cfa:19. aux is where the
 * return address is, from cfa, unless the kind says otherwise. */
typedef uint64_t cp_rule;

#define CP_RULE_NO_FP	(-8192 * 8) /* fp of a DEREF rule: it stays */
#define CP_RULE_LINK	(-8192 * 8) /* aux: the return address is in the link register */
#define CP_RULE_CFA_MAX ((1 << 18) * 8)
#define CP_RULE_FP_MAX	((1 << 13) * 8)

CP_INLINE enum cp_rule_kind cp_rule_kind(cp_rule r)
{
	return (enum cp_rule_kind)(r & 15);
}

CP_INLINE unsigned cp_rule_module(cp_rule r)
{
	return r >> 4 & 0x1fff;
}

/* The tables don't speak of it, or there are none. */
CP_INLINE bool cp_rule_is_missing(cp_rule r)
{
	return cp_rule_kind(r) <= CP_RULE_EDGE;
}

CP_INLINE intptr_t cp_rule_cfa(cp_rule r)
{
	return ((int64_t)r >> 45) * 8;
}

CP_INLINE intptr_t cp_rule_aux(cp_rule r)
{
	return ((int64_t)(r << 19) >> 50) * 8;
}

CP_INLINE intptr_t cp_rule_fp(cp_rule r)
{
	return ((int64_t)(r << 33) >> 50) * 8;
}

CP_INLINE cp_rule cp_rule_make(enum cp_rule_kind kind, unsigned module, intptr_t cfa, intptr_t aux,
			       intptr_t fp)
{
	return (uint64_t)kind | (uint64_t)module << 4 | ((uint64_t)(fp / 8) & 0x3fff) << 17 |
	       ((uint64_t)(aux / 8) & 0x3fff) << 31 | (uint64_t)(cfa / 8) << 45;
}

struct cp_rule_entry {
	uint64_t check, rule;
};

struct cp_rules {
	struct cp_rule_entry *entry; /* NULL until init */
	uint32_t mask;		     /* of the places in use: grows up to most */
	uint32_t most;
	uint32_t filled; /* since the last forgetting; counted while there may be more places */
	uint64_t gen;	 /* counts forgettings; never 0 */
};

extern struct cp_rules cp_rules;

/* [EARLY] Maps the cache, of at most `bytes`. 0 or -errno. */
int cp_rules_init(size_t bytes);
/* [ANY] Everything known so far is void. */
void cp_rules_forget(void);
/* [HOST, SIGNAL] Reads the tables, and remembers what they say. */
cp_rule cp_rule_read(uintptr_t key, uint64_t gen);

/* [HOST, SIGNAL] The loaded object that holds an address, code or data. */
unsigned cp_rules_module(uintptr_t addr);
/* [HOST, SIGNAL] The frame of an address nobody walked to, as a function's: what the cache
 * knows of it saves reading its object's headers again. */
cp_frame cp_rules_frame(uintptr_t pc);

CP_INLINE uint64_t cp_rules_gen(void)
{
	return cp_load_rlx(&cp_rules.gen);
}

/* Above the bits of any address, and never 0: an empty entry matches nothing. */
CP_INLINE uint64_t cp_rule_tag(uint64_t gen)
{
	return (gen % 0xffff + 1) << 48;
}

CP_INLINE struct cp_rule_entry *cp_rule_place(uintptr_t key, uint32_t mask)
{
	return &cp_rules.entry[(key ^ key >> 16) & mask];
}

/* Does the entry speak of key? */
CP_INLINE bool cp_rule_met(const struct cp_rule_entry *e, uintptr_t key, uint64_t tag,
			   cp_rule *rule)
{
	uint64_t check = cp_load_rlx(&e->check);

	*rule = cp_load_rlx(&e->rule);
	return (check ^ *rule) == (key ^ tag);
}

/* The rule for key, which must be a user address (below 2^48). */
CP_INLINE cp_rule cp_rule_get(uintptr_t key, uint64_t gen, uint64_t tag)
{
	cp_rule rule;

	if (CP_LIKELY(
		    cp_rule_met(cp_rule_place(key, cp_load_rlx(&cp_rules.mask)), key, tag, &rule)))
		return rule;
	return cp_rule_read(key, gen);
}

#endif
