/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - names for frames: function, mangled name, file and line, inlined calls;
 *             for a frame that lies in data: the variable, "server+0x28"
 *
 * Context  CONTROL: the agent's job threads, which libc does not know of; one at a
 *          time. No libc call that allocates, locks or uses the locale.
 * Holds    Same frame, same answer, for the whole run (a forked child asks anew):
 *          answers are cached in the agent's own memory. But where somebody waits
 *          (exclusive.h), lines that aren't there in time come with a later answer; and
 *          code made at run time is another's when its perf map has changed: such answers
 *          hold for one call.
 * Fails    A frame nothing is known of gets a synthetic name; never NULL.
 */
#ifndef CP_CONTROL_SYMBOLS_H
#define CP_CONTROL_SYMBOLS_H

#include "../rt/mem.h"

#include "maps.h"

struct cp_symbol_line {
	const char *name;	   /* readable, without parameters and hashes */
	const char *mangled;	   /* as in the symbol table; equal to name for plain C */
	const char *file;	   /* NULL: not known */
	uint32_t line, start_line; /* 0: not known */
};

struct cp_symbol {
	uint16_t nlines;  /* at least 1; [0] is the innermost inlined function */
	bool placed;	  /* is it known where the physical function, the last one, begins? */
	bool provisional; /* there was no time for lines; or it is code made at run time */
	uint32_t offset;  /* then: how far behind that */
	struct cp_symbol_line line[];
};

/* [EARLY] share: bytes of CPROF_MAX_MEMORY the cache may take. 0 or -errno. */
int cp_symbols_init(size_t share);

/* [CONTROL] out[i] for frames[i]; batches are cheaper than single calls, order is free.
 * job: scratch memory, released by the caller. Only -ENOMEM can fail it. */
int cp_symbols_resolve(struct cp_arena *job, const cp_frame *frames, size_t n,
		       const struct cp_symbol **out);

#endif
