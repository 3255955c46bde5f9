/* SPDX-License-Identifier: MIT */
/*
 * profile.h - a whole profile in memory: read, merged, subtracted, written
 *
 * Context  pure code, as pprof.h; used by the CLI alone.
 * Holds    After a successful read: every id is resolved to a pointer, every
 *          sample has ntypes values, every rule whose breach makes pprof refuse
 *          a file has been checked. Strings are valid UTF-8 without NUL (other
 *          bytes have become \xHH). Never NULL, but "" where absent: types,
 *          units, a function's strings, a mapping's file, a label's key. NULL
 *          where absent: default_type, drop_frames, keep_frames, doc_url,
 *          build_id, a label's str (a number then) and unit.
 *          A profile lives in its allocator until that is released whole.
 * Fails    Reading answers a sentence for people; never a half-read profile.
 *          The sentence lives in the allocator, or is a constant.
 */
#ifndef CP_OUTPUT_PROFILE_H
#define CP_OUTPUT_PROFILE_H

#include "pprof.h"

struct cp_function {
	const char *name, *system_name, *file;
	int64_t start_line;
};

struct cp_profile_line {
	const struct cp_function *function;
	int64_t line;
};

struct cp_location {
	const struct cp_pprof_mapping *mapping; /* NULL: none */
	uint64_t address;
	const struct cp_profile_line *lines; /* innermost first */
	unsigned nlines;
	bool folded; /* one of several functions with the same code */
};

struct cp_sample {
	const struct cp_location *const *locations; /* leaf first */
	unsigned nlocations;
	int64_t *values;		     /* head.ntypes of them */
	const struct cp_pprof_label *labels; /* sorted by key */
	unsigned nlabels;
};

struct cp_profile {
	struct cp_pprof_head head;
	struct cp_pprof_mapping *mappings; /* [0]: the main executable */
	size_t nmappings;
	struct cp_location *locations;
	size_t nlocations;
	struct cp_function *functions;
	size_t nfunctions;
	struct cp_sample *samples;
	size_t nsamples;
};

/* data: gzip or raw proto bytes, not needed any more afterwards. max_size bounds the
 * proto bytes, so what gzip may unpack to. NULL and *why on failure. */
struct cp_profile *cp_profile_read(const void *data, size_t size, size_t max_size,
				   const struct cp_alloc *mem, const char **why);
/* a + factor * b by sample identity (stack and labels; addresses count from their
 * mapping's start, so that two runs of one binary match). Samples that come out as
 * zero are left out, and with them what only they used. factor < 0: time and
 * duration are a's. b NULL: a alone, made tidy. Sources may be freed with their
 * allocator only after the result. NULL and *why when the types don't match. */
struct cp_profile *cp_profile_merge(const struct cp_profile *a, const struct cp_profile *b,
				    int64_t factor, const struct cp_alloc *mem, const char **why);
int cp_profile_write(const struct cp_profile *p, const struct cp_sink *sink,
		     const struct cp_alloc *mem);

#endif
