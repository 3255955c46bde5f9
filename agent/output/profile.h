/* SPDX-License-Identifier: MIT */
/*
 * profile.h - a whole profile in memory: read, merged, subtracted, written
 *
 * Context  pure code, as pprof.h; used by the CLI and by window differences.
 * Holds    After a successful read: every id is resolved to a pointer, every
 *          sample has ntypes values, every rule whose breach makes pprof refuse
 *          a file has been checked.
 * Fails    Reading answers a sentence for people; never a half-read profile.
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
	const char *drop_frames, *keep_frames;
};

/* data: gzip or raw proto bytes, which must outlive the profile. max_size bounds
 * what gzip may unpack to. NULL and *why on failure. */
struct cp_profile *cp_profile_read(const void *data, size_t size, size_t max_size,
				   const struct cp_alloc *mem, const char **why);
/* a + factor * b by sample identity; sources may be freed with their allocator only
 * after the result. NULL and *why when the types don't match. */
struct cp_profile *cp_profile_merge(const struct cp_profile *a, const struct cp_profile *b,
				    int64_t factor, const struct cp_alloc *mem, const char **why);
int cp_profile_write(const struct cp_profile *p, const struct cp_sink *sink,
		     const struct cp_alloc *mem);

#endif
