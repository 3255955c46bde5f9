/* SPDX-License-Identifier: MIT */
/*
 * pprof.h - writes a profile in pprof's format, streamed
 *
 * Context  pure code: no globals, no threads; one writer, one thread. Runs on the
 *          agent's own threads, so: no libc call that allocates, locks or reads
 *          the locale; memory only from the given allocator.
 * Holds    Ids are dense from 1, in the order of the calls, for mappings,
 *          functions and locations each. A sample may name a location that is
 *          emitted later. Each message is packed by protobuf-c and goes on
 *          through gzip to the sink: the whole profile is never in memory.
 *          A string is copied, or its index remembered, before a call returns:
 *          nothing handed in need outlive the call. Bytes that are not UTF-8 are
 *          written as \xHH; NULL is the empty string.
 * Fails    The first error (-errno) sticks and is what cp_pprof_close answers;
 *          after it the calls do nothing. No memory at open: NULL, which every
 *          other call takes, and close answers -ENOMEM.
 */
#ifndef CP_OUTPUT_PPROF_H
#define CP_OUTPUT_PPROF_H

#include "../rt/base.h"

/* Where the bytes go: 0 or -errno. */
struct cp_sink {
	int (*write)(void *ctx, const void *buf, size_t n);
	void *ctx;
};

/* Where memory comes from: aligned to 16, zeroed or not. free may be NULL (an arena). */
struct cp_alloc {
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *ctx, void *p);
	void *ctx;
};

struct cp_value_type {
	const char *type, *unit;
};

/* What is known before the first sample. */
struct cp_pprof_head {
	const struct cp_value_type *types;
	unsigned ntypes;	  /* at most 4 in the agent's profiles; merged ones may have more */
	const char *default_type; /* NULL: pprof's own default, the last */
	struct cp_value_type period_type;
	int64_t period;
	int64_t time_ns;     /* always set */
	int64_t duration_ns; /* 0: left out */
	const char *const *comments;
	unsigned ncomments;
	const char *drop_frames; /* NULL: none; regular expressions, as pprof takes them */
	const char *keep_frames;
	const char *doc_url;
};

struct cp_pprof_mapping {
	uint64_t start, limit, offset;
	const char *file;     /* " (deleted)" already taken off */
	const char *build_id; /* lower-case hex, or NULL */
	bool has_functions, has_filenames, has_lines, has_inlines;
};

struct cp_pprof_line {
	uint64_t function; /* id from cp_pprof_function */
	int64_t line;	   /* 0: not known */
};

struct cp_pprof_label {
	const char *key;
	const char *str; /* NULL: a number */
	int64_t num;
	const char *unit; /* NULL: none */
};

struct cp_pprof;

/* [CONTROL] head: read before this returns. */
struct cp_pprof *cp_pprof_open(const struct cp_pprof_head *head, const struct cp_sink *sink,
			       const struct cp_alloc *mem);
/* Each answers the new id; functions are de-duplicated by all their fields. */
uint64_t cp_pprof_mapping(struct cp_pprof *p, const struct cp_pprof_mapping *m);
uint64_t cp_pprof_function(struct cp_pprof *p, const char *name, const char *system_name,
			   const char *file, int64_t start_line);
/* A location's identity is the caller's to keep: every call makes a new one. */
uint64_t cp_pprof_location(struct cp_pprof *p, uint64_t mapping, uint64_t address,
			   const struct cp_pprof_line *lines, unsigned nlines);
/* The same for a location that stands for several functions with identical code. */
uint64_t cp_pprof_location_folded(struct cp_pprof *p, uint64_t mapping, uint64_t address,
				  const struct cp_pprof_line *lines, unsigned nlines, bool folded);
/* values: as many as head had types. A label that the format can't tell from none
 * (no key, an empty string, a zero without a unit) is left out. */
void cp_pprof_sample(struct cp_pprof *p, const uint64_t *locations, unsigned nlocations,
		     const int64_t *values, const struct cp_pprof_label *labels, unsigned nlabels);
/* Writes what is left and gzip's end, and gives all memory back; 0 or the first error. */
int cp_pprof_close(struct cp_pprof *p);

#endif
