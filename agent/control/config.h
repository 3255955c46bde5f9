/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration: every CPROF_ variable, in one table
 *
 * Context  EARLY: cp_config_init, once      ANY: reads of cp_config after that
 * Holds    After cp_config_init every field has a value its row accepts.
 * Fails    A value that doesn't parse: one line with the variable, the value, what
 *          is accepted and what is used instead.
 */
#ifndef CP_CONTROL_CONFIG_H
#define CP_CONTROL_CONFIG_H

#include "lines.h"

#define CP_CONFIG_MEMORY_MIN (8ULL << 20) /* the least CPROF_MAX_MEMORY may be */

struct cp_config {
	char dir[1024]; /* absolute */
	char log[1024]; /* "stderr", "none" or an absolute path */
	char only[1024];
	char http[256]; /* "off" or an address, http_addr.h */
	char http_token_file[1024];
	uint64_t http_max_seconds;
	uint64_t interval_ns; /* 0: off */
	uint64_t heap_rate;
	uint64_t cpu_hz;	 /* 0: off */
	uint64_t mutex_fraction; /* 1 in n; 0: off */
	uint64_t block_rate;	 /* in ns; 0: off */
	uint64_t keep, max_bytes, max_memory;
	uint64_t seed;	/* 0: random */
	uint32_t types; /* bits 1 << enum cp_type */
	int signal;	/* 0: none */
	int cpu_signal;
	enum cp_lines_mode lines;
	bool atexit;
	bool block_io;
	uint64_t budget; /* in 1/1000 per cent of CPU; 0: none */
	uint32_t given;	 /* bits of the rows that were set, and understood */
};

extern struct cp_config cp_config;

/* CPROF_MAX_MEMORY in sixteenths, and who has how many. */
enum {
	CP_MEMORY_WALK = 1,
	CP_MEMORY_STACKS = 4,
	CP_MEMORY_HEAP = 3,
	CP_MEMORY_CPU = 1,
	CP_MEMORY_CONTEND = 1,
	CP_MEMORY_SYMBOLS = 2,
	CP_MEMORY_JOB = 3, /* a snapshot, or an answer over HTTP: one at a time (exclusive.h) */
	CP_MEMORY_WINDOWS = 1,
	CP_MEMORY_ALL = CP_MEMORY_WALK + CP_MEMORY_STACKS + CP_MEMORY_HEAP + CP_MEMORY_CPU +
			CP_MEMORY_CONTEND + CP_MEMORY_SYMBOLS + CP_MEMORY_JOB + CP_MEMORY_WINDOWS,
	CP_MEMORY_HTTP = 2, /* of the heap's, when it is on */
};
_Static_assert(CP_MEMORY_ALL <= 16 && CP_MEMORY_HTTP < CP_MEMORY_HEAP, "more than there is");

CP_INLINE size_t cp_config_memory(unsigned sixteenths)
{
	return cp_config.max_memory / 16 * sixteenths;
}

/* [EARLY] env: the environment, read here and never again. */
void cp_config_init(char *const *env);

/* Was the variable behind this field set, or is it the default? */
bool cp_config_is_given(const void *field);

/* The table, for whoever documents or checks it. */
struct cp_config_row {
	const char *name;
	const char *fallback; /* the default, as one would write it */
	const char *accepted; /* what a value may look like */
	const char *meaning;
	int (*parse)(const char *text, void *field); /* 0 or -EINVAL */
	void *field;
};
extern const struct cp_config_row cp_config_rows[];
extern const size_t cp_config_row_count;

#endif
