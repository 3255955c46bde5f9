/* SPDX-License-Identifier: MIT */
/*
 * module.h - the loaded objects that samples have hit, the unloaded ones too
 *
 * Context  HOST, SIGNAL: cp_module_find, _has      CONTROL: cp_module_get, _count
 * Shared   an append-only array; a record is complete before its number is out.
 * Holds    A number means one object at one address for the whole run: another
 *          library at the same place gets another number; the same one loaded
 *          there again gets its old number back. A forked child inherits them.
 * Fails    Full: CP_MODULE_NONE, counted; the frame keeps its address.
 */
#ifndef CP_SAMPLE_MODULE_H
#define CP_SAMPLE_MODULE_H

#include "../rt/base.h"

#define CP_MODULE_NONE 0U /* no loaded object: anonymous or JIT code */
#define CP_MODULE_MAX  4096U

struct cp_module {
	uintptr_t start, end;	/* address range of the object's mapping */
	uintptr_t base;		/* load bias: address = base + p_vaddr */
	uintptr_t eh_frame_hdr; /* 0: it has none */
	uintptr_t cfi_lo;	/* the readable segment that header lies in, */
	uintptr_t cfi_hi;	/* and with it the call-frame tables */
	uint8_t build_id[20];
	uint8_t build_id_len; /* 0: it has none */
	char path[231];	      /* as the loader knows it; "" for the executable */
};

/* [HOST, SIGNAL] The object pc lies in, met before or not. What was made sure of in generation
 * gen is not looked at again; careful: nor is its memory. *m is set when the answer is not
 * CP_MODULE_NONE. *stale is set when another object was found where one known in this generation
 * was: rules made for it are wrong. Who has none of these at hand: cp_rules_module. */
unsigned cp_module_find(uintptr_t pc, uint64_t gen, bool careful, const struct cp_module **m,
			bool *stale);
/* [HOST, SIGNAL] Does pc lie in a loaded object? */
bool cp_module_has(uintptr_t pc);
/* [CONTROL] ids run from 1 to count, both included. */
unsigned cp_module_count(void);
const struct cp_module *cp_module_get(unsigned id);

/* [EARLY] Maps the array. 0 or -errno. */
int cp_module_init(void);

#endif
