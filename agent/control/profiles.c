/* SPDX-License-Identifier: MIT */
/*
 * profiles.c - the profiles there are: one row each
 *
 * Context  ANY: the table      CONTROL: the readers
 * Calls    the readers of sample/.
 * Holds    Names, column order and units are those of Go's runtime, byte for byte.
 */
#include "profiles.h"

#include "../sample/contend.h"
#include "../sample/heap.h"
#include "../sample/made.h"
#include "../sample/tick.h"
#include "census.h"
#include "config.h"
#include "deadlock.h"
#include "settle.h"
#include "stacks.h"
#include "state.h"
#include "underway.h"

#include <string.h>

static void read_heap(uint32_t i, struct cp_counts *now)
{
	struct cp_heap_counts c;

	cp_heap_read(i, &c);
	*now = (struct cp_counts){{c.allocs, c.alloc_bytes, c.frees, c.free_bytes}};
}

static struct cp_heap_counts heap_counts(const struct cp_counts *c)
{
	return (struct cp_heap_counts){c->n[0], c->n[1], c->n[2], c->n[3]};
}

static void show_heap(uint32_t i, const struct cp_counts *from, const struct cp_counts *now,
		      struct cp_bucket *out)
{
	struct cp_heap_counts to = heap_counts(now), since = {0};
	struct cp_heap_row row;

	if (from)
		since = heap_counts(from);
	cp_heap_row(i, &since, &to, &row);
	*out = (struct cp_bucket){
		.sid = row.sid,
		.size_class = row.size_class,
		.value = {row.alloc_objects, row.alloc_bytes, row.inuse_objects, row.inuse_bytes},
	};
}

static int64_t heap_period(void)
{
	return (int64_t)cp_heap_rate();
}

static const struct cp_source heap_source = {
	.count = cp_heap_cells,
	.read = read_heap,
	.show = show_heap,
	.by_caller = true,
};

/* --- cpu ------------------------------------------------------------------ */

static void read_cpu(uint32_t i, struct cp_counts *now)
{
	struct cp_tick_row row;

	cp_tick_row(i, &row);
	*now = (struct cp_counts){{row.ns, row.ns_before}};
}

/* The count is of whole periods, the time is exact: what a thread did after its
 * last sample is in it. */
static void show_cpu(uint32_t i, const struct cp_counts *from, const struct cp_counts *now,
		     struct cp_bucket *out)
{
	uint64_t period = cp_tick_period();
	uint64_t ns = now->n[0] - (from ? from->n[0] : now->n[1]);
	struct cp_tick_row row;

	cp_tick_row(i, &row);
	*out = (struct cp_bucket){
		.sid = row.sid,
		.label = row.label,
		.value = {(int64_t)((ns + period / 2) / period), (int64_t)ns},
	};
}

static void note_cpu(uint32_t i, const struct cp_counts *now)
{
	cp_tick_note(i, now->n[0]);
}

static int64_t cpu_period(void)
{
	return (int64_t)cp_tick_period();
}

static const struct cp_since cpu_since = {cp_settle_span, note_cpu, cp_settle_written};

static const struct cp_source cpu_source = {
	.settle = cp_settle_all,
	.count = cp_tick_cells,
	.read = read_cpu,
	.show = show_cpu,
	.since = &cpu_since,
};

/* --- threadcreate ---------------------------------------------------------- */

static void read_made(uint32_t i, struct cp_counts *now)
{
	cp_sid sid;

	*now = (struct cp_counts){{0}};
	cp_made_row(i, &sid, &now->n[0], &now->n[1]);
}

static void show_made(uint32_t i, const struct cp_counts *from, const struct cp_counts *now,
		      struct cp_bucket *out)
{
	uint64_t made, left;

	*out = (struct cp_bucket){.value = {(int64_t)(now->n[0] - (from ? from->n[0] : 0))}};
	cp_made_row(i, &out->sid, &made, &left);
}

static int64_t made_period(void)
{
	return cp_made_on();
}

static const struct cp_source made_source = {
	.count = cp_made_cells,
	.read = read_made,
	.show = show_made,
};

/* --- mutex, block ----------------------------------------------------------- */

static void read_contend(enum cp_contend which, uint32_t i, struct cp_counts *now)
{
	struct cp_contend_counts c;

	cp_contend_read(which, i, &c);
	*now = (struct cp_counts){{c.count, c.ns}};
}

static void show_contend(enum cp_contend which, uint32_t i, const struct cp_counts *from,
			 const struct cp_counts *now, struct cp_bucket *out)
{
	struct cp_contend_counts to = {now->n[0], now->n[1]}, since = {0};
	struct cp_contend_row row;

	if (from)
		since = (struct cp_contend_counts){from->n[0], from->n[1]};
	cp_contend_row(which, i, &since, &to, &row);
	*out = (struct cp_bucket){.sid = row.sid,
				  .label = row.label,
				  .lock = row.lock,
				  .state = row.waiting ? CP_STATE_WAITS : 0,
				  .value = {row.contentions, row.delay}};
}

/* The readers of one of the two: sources carry no argument. */
#define CONTEND_READERS(name, which)                                                \
	static uint32_t count_##name(void)                                          \
	{                                                                           \
		return cp_contend_cells(which);                                     \
	}                                                                           \
	static void read_##name(uint32_t i, struct cp_counts *now)                  \
	{                                                                           \
		read_contend(which, i, now);                                        \
	}                                                                           \
	static void show_##name(uint32_t i, const struct cp_counts *from,           \
				const struct cp_counts *now, struct cp_bucket *out) \
	{                                                                           \
		show_contend(which, i, from, now, out);                             \
	}

CONTEND_READERS(mutex, CP_CONTEND_MUTEX)
CONTEND_READERS(block, CP_CONTEND_BLOCK)

static const struct cp_source mutex_source = {
	.count = count_mutex,
	.read = read_mutex,
	.show = show_mutex,
};

static const struct cp_source block_source = {
	.settle = cp_underway_settle,
	.remark = cp_underway_remark,
	.count = count_block,
	.read = read_block,
	.show = show_block,
};

/* Values are scaled when they are recorded, so a count of 1 is one contention. */
static int64_t mutex_period(void)
{
	return cp_contend_fraction() != 0;
}

static int64_t block_period(void)
{
	return cp_contend_rate() != 0;
}

/* --- goroutine -------------------------------------------------------------- */

static void read_census(uint32_t i, struct cp_counts *now)
{
	*now = (struct cp_counts){{cp_census_read(i)}};
}

static void show_census(uint32_t i, const struct cp_counts *from, const struct cp_counts *now,
			struct cp_bucket *out)
{
	*out = (struct cp_bucket){.value = {(int64_t)(now->n[0] - (from ? from->n[0] : 0))}};
	cp_census_row(i, &out->sid, &out->label, &out->state);
}

static void remark_census(struct cp_arena *job, struct cp_comments *c, bool to_log)
{
	if (cp_census_on())
		cp_deadlock_remark(job, cp_census_dump(), c, to_log);
}

static uint64_t count_threads(void)
{
	return cp_dump_count();
}

static int64_t census_period(void)
{
	return cp_census_on();
}

static const struct cp_source census_source = {
	.settle = cp_census_begin,
	.release = cp_census_end,
	.remark = remark_census,
	.total = count_threads,
	.count = cp_census_cells,
	.read = read_census,
	.show = show_census,
};

/* --- the table --------------------------------------------------------------- */

#define CONTEND_COLUMNS                                                                 \
	.columns = {{"contentions", "count"}, {"delay", "nanoseconds"}}, .ncolumns = 2, \
	.period_type = {"contentions", "count"}

#define HEAP_COLUMNS                                                             \
	.columns = {{"alloc_objects", "count"},                                  \
		    {"alloc_space", "bytes"},                                    \
		    {"inuse_objects", "count"},                                  \
		    {"inuse_space", "bytes"}},                                   \
	.ncolumns = 4, .period_type = {"space", "bytes"}, .period = heap_period, \
	.source = &heap_source

const struct cp_profile_row cp_profiles[] = {
	{
		.type = CP_TYPE_CPU,
		.name = "cpu",
		.title = "CPU time since the last snapshot, or the start",
		.columns = {{"samples", "count"}, {"cpu", "nanoseconds"}},
		.ncolumns = 2,
		.period_type = {"cpu", "nanoseconds"},
		.period = cpu_period,
		.source = &cpu_source,
	},
	{
		.type = CP_TYPE_HEAP,
		.name = "heap",
		.title = "memory in use, and all allocations since the start",
		HEAP_COLUMNS,
	},
	{
		.type = CP_TYPE_ALLOCS,
		.name = "allocs",
		.title = "all allocations since the start",
		.default_type = "alloc_space",
		HEAP_COLUMNS,
	},
	{
		.type = CP_TYPE_THREADCREATE,
		.name = "threadcreate",
		.title = "threads made since the start",
		.columns = {{"threadcreate", "count"}},
		.ncolumns = 1,
		.period_type = {"threadcreate", "count"},
		.period = made_period,
		.source = &made_source,
	},
	{
		.type = CP_TYPE_MUTEX,
		.name = "mutex",
		.title = "time others waited for a lock, by who unlocked it",
		CONTEND_COLUMNS,
		.period = mutex_period,
		.source = &mutex_source,
	},
	{
		.type = CP_TYPE_BLOCK,
		.name = "block",
		.title = "time waited, by who waited",
		CONTEND_COLUMNS,
		.period = block_period,
		.source = &block_source,
	},
	{
		.type = CP_TYPE_GOROUTINE,
		.name = "goroutine",
		.title = "stacks of all threads, now; threads is another name for it",
		.columns = {{"goroutine", "count"}},
		.ncolumns = 1,
		.period_type = {"goroutine", "count"},
		.period = census_period,
		.source = &census_source,
		.details = cp_stacks_write,
	},
};
const unsigned cp_profile_count = CP_ARRAY_LEN(cp_profiles);

const struct cp_profile_row *cp_profiles_find(const char *name, size_t len)
{
	if (len == 7 && !memcmp(name, "threads", len))
		return cp_profiles_find("goroutine", 9);
	for (unsigned i = 0; i < cp_profile_count; i++)
		if (strlen(cp_profiles[i].name) == len && !memcmp(cp_profiles[i].name, name, len))
			return &cp_profiles[i];
	return NULL;
}

bool cp_profiles_is_on(const struct cp_profile_row *row)
{
	return (cp_config.types & 1U << row->type) && row->period();
}

uint32_t cp_profiles_all(void)
{
	uint32_t all = 0;

	for (unsigned i = 0; i < cp_profile_count; i++)
		all |= 1U << cp_profiles[i].type;
	return all;
}
