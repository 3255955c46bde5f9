/* SPDX-License-Identifier: MIT */
/*
 * text.c - a profile as text: what ?debug=1 answers
 *
 * Context  CONTROL, one thread inside cp_exclusive
 * Calls    the source's reader, trim.c, symbols.c, out.c.
 * Holds    The form follows from the columns: four are a heap's, contentions a lock's,
 *          one a count. Each is read by people and, with the memory map at its end, by
 *          pprof, which takes one off every address and multiplies a heap's figures by
 *          what a sample stands for: so addresses have one added, and a heap's figures
 *          are the samples' own, as Go prints them. Ours are weighted when they are
 *          taken; the weight is taken off again.
 * Fails    -ENOMEM: nothing usable was written. The smallest records, for which there is no
 *          more room, are counted behind the others.
 */
#include "text.h"

#include "../rt/mathx.h"
#include "../rt/sort.h"
#include "../rt/sys.h"
#include "bucket.h"
#include "frames.h"
#include "symbols.h"
#include "trim.h"

#include <errno.h>
#include <string.h>

/* Behind the records, beside the memory map: and what that grows by meanwhile. */
#define END (16UL * 1024)

enum form { COUNT, CONTENTION, HEAP };

struct record {
	struct cp_bucket bucket;
	int64_t key; /* the biggest come first */
};

struct text {
	struct cp_out *out;
	struct cp_arena *job;
	const struct cp_profile_row *row;
	enum form form;
	struct record *record;
	size_t n;
	int64_t sum[CP_PROFILE_COLUMNS];
	struct cp_trim trim;
	struct cp_frames frames;
	const struct cp_symbol **symbol;
	size_t end; /* bytes of what comes behind the records */
};

static enum form form_of(const struct cp_profile_row *row)
{
	if (row->ncolumns == 4)
		return HEAP;
	return strcmp(row->columns[0].type, "contentions") ? COUNT : CONTENTION;
}

/* Takes the weight off: what the samplers saw. At least one, where there is any. */
static void unscale(int64_t *count, int64_t *bytes, double rate)
{
	double each, seen;

	if (*count <= 0 || *bytes <= 0) {
		*count = *bytes = 0;
		return;
	}
	if (rate <= 1)
		return;
	each = (double)*bytes / (double)*count;
	seen = (double)*count * cp_one_minus_exp(each / rate);
	*count = CP_MAX((int64_t)(seen + 0.5), 1);
	*bytes = (int64_t)((double)*count * each + 0.5);
}

static void add_record(struct text *t, const struct cp_bucket *b)
{
	struct record *r = &t->record[t->n++];
	double rate = (double)t->row->period();

	r->bucket = *b;
	if (t->form == HEAP) {
		unscale(&r->bucket.value[0], &r->bucket.value[1], rate);
		unscale(&r->bucket.value[2], &r->bucket.value[3], rate);
	}
	r->key = r->bucket.value[t->row->ncolumns - 1];
	for (unsigned c = 0; c < CP_PROFILE_COLUMNS; c++)
		t->sum[c] += r->bucket.value[c];
}

static int compare(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return x->bucket.sid < y->bucket.sid ? -1 : x->bucket.sid > y->bucket.sid;
}

static int read_records(struct text *t)
{
	const struct cp_source *source = t->row->source;
	uint32_t n = source->count();
	struct cp_counts now;
	struct cp_bucket b;

	t->record = cp_arena_alloc(t->job, n * sizeof(*t->record));
	if (!t->record)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		source->read(i, &now);
		source->show(i, NULL, &now, &b);
		if (!cp_bucket_is_zero(&b))
			add_record(t, &b);
	}
	cp_sort(t->record, t->n, sizeof(*t->record), compare);
	return 0;
}

static int gather(struct text *t)
{
	const struct cp_source *source = t->row->source;
	int err;

	if (source->settle)
		source->settle();
	err = read_records(t);
	if (source->release)
		source->release();
	return err;
}

static int name_frames(struct text *t)
{
	int err = cp_trim_learn(&t->trim, t->job, t->row->source);
	cp_frame frame[CP_TRIM_FRAMES];

	if (err)
		return err;
	t->frames.job = t->job;
	for (size_t i = 0; i < t->n; i++) {
		unsigned n = cp_trim_stack(&t->trim, t->record[i].bucket.sid, frame);

		for (unsigned k = 0; k < n; k++)
			if (!cp_frames_number(&t->frames, frame[k]))
				return -ENOMEM;
	}
	t->symbol = cp_arena_alloc(t->job, t->frames.n * sizeof(*t->symbol));
	if (!t->symbol)
		return -ENOMEM;
	return cp_symbols_resolve(t->job, t->frames.frame, t->frames.n, t->symbol);
}

static void write_head(struct text *t)
{
	const int64_t *s = t->sum;

	/* Equal columns look like a profile of two columns to pprof: never equal. */
	if (t->form == HEAP)
		cp_out_fmt(t->out, "heap profile: %ld: %ld [%ld: %ld] @ heap/%ld\n", s[2], s[3],
			   s[0], s[1] + (s[1] == s[3]), 2 * t->row->period());
	else if (t->form == COUNT)
		cp_out_fmt(t->out, "%s profile: total %ld\n", t->row->name, s[0]);
	else if (!strcmp(t->row->name, "mutex"))
		cp_out_str(t->out, "--- mutex:\ncycles/second=1000000000\nsampling period=1\n");
	else
		cp_out_str(t->out, "--- contention:\ncycles/second=1000000000\n");
}

static void write_values(struct text *t, const int64_t *v)
{
	if (t->form == HEAP)
		cp_out_fmt(t->out, "%ld: %ld [%ld: %ld] @", v[2], v[3], v[0], v[1]);
	else if (t->form == CONTENTION)
		cp_out_fmt(t->out, "%ld %ld @", v[1], v[0]);
	else
		cp_out_fmt(t->out, "%ld @", v[0]);
}

static void write_frame(struct text *t, cp_frame frame)
{
	const struct cp_symbol *s = t->symbol[cp_frames_find(&t->frames, frame) - 1];

	for (unsigned i = 0; i < s->nlines; i++) {
		const struct cp_symbol_line *l = &s->line[i];

		cp_out_fmt(t->out, "#\t0x%lx\t", (uint64_t)cp_frame_addr(frame));
		cp_out_str(t->out, l->name);
		if (s->placed)
			cp_out_fmt(t->out, "+0x%x", s->offset);
		if (l->file) {
			cp_out_str(t->out, "\t");
			cp_out_str(t->out, l->file);
			cp_out_fmt(t->out, ":%u", l->line);
		}
		cp_out_str(t->out, "\n");
	}
}

static void write_quoted(struct text *t, const char *s)
{
	cp_out_str(t->out, "\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			cp_out_fmt(t->out, "\\%c", c);
		else if (c < ' ' || c > '~')
			cp_out_fmt(t->out, "\\x%x%x", c >> 4, c & 15U);
		else
			cp_out_write(t->out, s, 1);
	}
	cp_out_str(t->out, "\"");
}

/* As Go has them, for the profiles whose samples are of threads. */
static void write_labels(struct text *t, const struct cp_bucket *b)
{
	struct cp_pprof_label label[CP_BUCKET_LABELS];
	char state[CP_STATE_TEXT];
	unsigned n = cp_bucket_labels(b, label, state, NULL);

	for (unsigned i = 0; i < n; i++) {
		cp_out_str(t->out, i ? ", " : "# labels: {");
		write_quoted(t, label[i].key);
		cp_out_str(t->out, ":");
		write_quoted(t, label[i].str);
	}
	if (n)
		cp_out_str(t->out, "}\n");
}

/* Bytes a record takes, at most: names may be long. */
static size_t size_of(struct text *t, const struct record *r)
{
	enum { VALUES = 128, LABELS = 1024, ADDRESS = 20, LINE = 64 };
	cp_frame frame[CP_TRIM_FRAMES];
	unsigned n = cp_trim_stack(&t->trim, r->bucket.sid, frame);
	size_t size = VALUES + LABELS + n * (size_t)ADDRESS;

	for (unsigned i = 0; i < n; i++) {
		const struct cp_symbol *s = t->symbol[cp_frames_number(&t->frames, frame[i]) - 1];

		for (unsigned k = 0; k < s->nlines; k++)
			size += LINE + strlen(s->line[k].name) +
				(s->line[k].file ? strlen(s->line[k].file) : 0);
	}
	return size;
}

static void write_record(struct text *t, const struct record *r)
{
	cp_frame frame[CP_TRIM_FRAMES];
	unsigned n = cp_trim_stack(&t->trim, r->bucket.sid, frame);

	write_values(t, r->bucket.value);
	for (unsigned i = 0; i < n; i++)
		cp_out_fmt(t->out, " 0x%lx", (uint64_t)cp_frame_addr(frame[i]) + 1);
	cp_out_str(t->out, "\n");
	if (t->form == COUNT)
		write_labels(t, &r->bucket);
	for (unsigned i = 0; i < n; i++)
		write_frame(t, frame[i]);
	cp_out_str(t->out, "\n");
}

/* As many as there is room for. A line of "#" is none to pprof. */
static void write_records(struct text *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!cp_out_has_room(t->out, size_of(t, &t->record[i]) + t->end))
			break;
		write_record(t, &t->record[i]);
	}
	if (i < t->n)
		cp_out_fmt(t->out,
			   "# ...%lu more stacks elided: no room for them "
			   "(see CPROF_MAX_MEMORY)...\n",
			   t->n - i);
}

/* Of what Go's runtime tells of itself, what is true of any program. */
static void write_memory(struct text *t, const int64_t *all)
{
	cp_out_fmt(t->out,
		   "\n# runtime.MemStats\n# Alloc = %ld\n# TotalAlloc = %ld\n# Mallocs = %ld\n"
		   "# Frees = %ld\n# HeapAlloc = %ld\n# HeapObjects = %ld\n",
		   all[3], all[1], all[0], all[0] - all[2], all[3], all[2]);
}

/* The memory map, or with NULL its size alone. */
static size_t copy_maps(struct cp_out *o)
{
	char buf[4096];
	long fd = cp_sys_open("/proc/thread-self/maps", O_RDONLY, 0);
	size_t size = 0;
	long n;

	if (fd < 0)
		return 0; /* without /proc there are no mappings to tell of */
	while ((n = cp_sys_read((int)fd, buf, sizeof(buf))) > 0) {
		size += (size_t)n;
		if (o)
			cp_out_write(o, buf, (size_t)n);
	}
	cp_sys_close((int)fd);
	return size;
}

/* The sums as the profile has them, before the weight was taken off. */
static void sum_all(const struct text *t, int64_t *all)
{
	struct cp_counts now;
	struct cp_bucket b;

	for (uint32_t i = 0; i < t->row->source->count(); i++) {
		t->row->source->read(i, &now);
		t->row->source->show(i, NULL, &now, &b);
		for (unsigned c = 0; c < CP_PROFILE_COLUMNS; c++)
			all[c] += b.value[c];
	}
}

int cp_text_write(struct cp_out *o, struct cp_arena *job, const struct cp_profile_row *row,
		  bool empty)
{
	struct text t = {.out = o, .job = job, .row = row, .form = form_of(row)};
	int64_t all[CP_PROFILE_COLUMNS] = {0};
	int err = empty ? 0 : gather(&t);

	if (!err)
		err = name_frames(&t);
	if (err)
		return err;
	t.end = copy_maps(NULL) + END;
	cp_out_share(o, t.end);
	write_head(&t);
	write_records(&t);
	if (t.form == HEAP) {
		if (!empty)
			sum_all(&t, all);
		write_memory(&t, all);
	}
	cp_out_str(o, "\n--- Memory map: ---\n");
	copy_maps(o);
	return o->error;
}
