/* SPDX-License-Identifier: MIT */
/*
 * profiles.h - the profiles there are: one row each
 *
 * Context  ANY: the table is constant      CONTROL: the readers
 * Why      Files, comments, requests and the man page all read this table: a new
 *          profile is a row and, if it counts something new, a source.
 */
#ifndef CP_CONTROL_PROFILES_H
#define CP_CONTROL_PROFILES_H

#include "../output/pprof.h"
#include "request.h"

#define CP_PROFILE_NAMES   "cpu,heap,allocs,threadcreate,mutex,block,goroutine"
#define CP_PROFILE_COLUMNS 4

/* A bucket's counters at one moment, raw. */
struct cp_counts {
	uint64_t n[CP_PROFILE_COLUMNS];
};

/* A bucket as a profile shows it. */
struct cp_bucket {
	cp_sid sid;
	uint16_t label;	     /* label set; 0: none */
	uint16_t state;	     /* the label `state` (state.h); 0: none */
	uint16_t lock;	     /* the label `lock` (lockname.h); 0: none */
	uint64_t size_class; /* the label `bytes`; 0: none */
	int64_t value[CP_PROFILE_COLUMNS];
};

/* For a source whose files cover the time since the last one of them. */
struct cp_since {
	/* When that began (CLOCK_REALTIME), and how long ago that was. */
	void (*span)(int64_t *time_ns, int64_t *duration_ns);
	/* Bucket i goes into a file with these counters; the file is written. */
	void (*note)(uint32_t i, const struct cp_counts *now);
	void (*written)(void);
};

struct cp_arena;
struct cp_comments;

/* Where counters come from. Profiles that share a source are written in one pass,
 * from one reading. Bucket i stays bucket i for the life of the process. */
struct cp_source {
	void (*settle)(void);  /* before a reading; NULL: the counters are always true */
	void (*release)(void); /* after it; NULL: they may change at any time */
	/* What there is to say of this reading, beside figures: comments, and lines for the
	 * log. NULL: nothing. */
	void (*remark)(struct cp_arena *job, struct cp_comments *c, bool to_log);
	uint64_t (*total)(void); /* for the index; NULL: how many buckets there are */
	uint32_t (*count)(void);
	void (*read)(uint32_t i, struct cp_counts *now);
	/* All of *out. from: an earlier reading; NULL for the start, or for what `since` says. */
	void (*show)(uint32_t i, const struct cp_counts *from, const struct cp_counts *now,
		     struct cp_bucket *out);
	const struct cp_since *since; /* NULL: totals since the start */
	bool by_caller;		      /* its stacks begin with who asked for memory (trim.h) */
};

struct cp_out;
typedef int cp_text_fn(struct cp_out *o, struct cp_arena *job);

struct cp_profile_row {
	enum cp_type type;
	const char *name;  /* in file names and URLs */
	const char *title; /* one line for people */
	struct cp_value_type columns[CP_PROFILE_COLUMNS];
	unsigned ncolumns;
	const char *default_type; /* NULL: pprof's own, the last */
	struct cp_value_type period_type;
	int64_t (*period)(void); /* 0: this profile is off */
	const struct cp_source *source;
	cp_text_fn *details; /* what ?debug=2 answers; NULL: the same as ?debug=1 */
};

extern const struct cp_profile_row cp_profiles[];
extern const unsigned cp_profile_count;

const struct cp_profile_row *cp_profiles_find(const char *name, size_t len);
/* Is it wanted, and counted? */
bool cp_profiles_is_on(const struct cp_profile_row *row);
/* Bits 1 << type of every row. */
uint32_t cp_profiles_all(void);

#endif
