/* SPDX-License-Identifier: MIT */
/*
 * emit.c - one reading of a source, written as all the profiles that share it
 *
 * Context  CONTROL, one job
 * Calls    output/, symbols.c, trim.c, the source's reader.
 * Holds    Mapping, function and location ids are the same in every file of a
 *          reading. Samples stream out first, naming locations by the numbers of
 *          frames.c; the locations follow in that order. Every location has a line,
 *          so every mapping says has_functions: readers never try to name it again,
 *          and a mapping means the same in a file that doesn't refer to it.
 *          A reading's time is its own: to name what another one found can take seconds.
 * Fails    A profile's error sticks to it; the others go on.
 */
#include "emit.h"

#include "../rt/sys.h"
#include "bucket.h"
#include "frames.h"
#include "lockname.h"
#include "trim.h"

#include <errno.h>
#include <string.h>

struct run {
	const struct cp_emit *e;
	int64_t time_ns, window_ns;  /* of this reading */
	struct cp_comments comments; /* the job's, and this source's */
	struct cp_trim trim;
	struct cp_frames frames;
	struct cp_locknames locks;
	struct cp_alloc mem;
	struct cp_pprof *writer[CP_TYPES]; /* NULL: that profile is lost */
	const struct cp_symbol **symbol;   /* of each frame */
};

static void *take_memory(void *ctx, size_t size)
{
	return cp_arena_alloc(ctx, size);
}

/* Which time the rows are about. */
static void when(const struct run *r, int64_t *time_ns, int64_t *duration_ns)
{
	const struct cp_since *since = r->e->row[0]->source->since;

	*time_ns = r->time_ns;
	*duration_ns = r->window_ns;
	if (since && r->e->window)
		*time_ns -= r->window_ns;
	else if (since)
		since->span(time_ns, duration_ns);
}

static void open_writers(struct run *r)
{
	int64_t time_ns, duration_ns;

	when(r, &time_ns, &duration_ns);
	for (unsigned i = 0; i < r->e->n; i++) {
		const struct cp_profile_row *row = r->e->row[i];
		struct cp_pprof_head head = {
			.types = row->columns,
			.ntypes = row->ncolumns,
			.default_type = row->default_type,
			.period_type = row->period_type,
			.period = row->period(),
			.time_ns = time_ns,
			.duration_ns = duration_ns,
			.comments = r->comments.text,
			.ncomments = r->comments.n,
		};

		r->writer[i] = cp_pprof_open(&head, &r->e->out[i].sink, &r->mem);
		if (!r->writer[i] && !*r->e->out[i].error)
			*r->e->out[i].error = -ENOMEM;
	}
}

static void fail_all(struct run *r, int error)
{
	for (unsigned i = 0; i < r->e->n; i++)
		if (!*r->e->out[i].error)
			*r->e->out[i].error = error;
}

static bool all_failed(const struct run *r)
{
	for (unsigned i = 0; i < r->e->n; i++)
		if (!*r->e->out[i].error)
			return false;
	return true;
}

/* Location numbers of a stack, leaf first; 0 when memory ran out. */
static unsigned locate(struct run *r, cp_sid sid, uint64_t *ids)
{
	cp_frame frame[CP_TRIM_FRAMES];
	unsigned n = cp_trim_stack(&r->trim, sid, frame);

	for (unsigned i = 0; i < n; i++) {
		ids[i] = cp_frames_number(&r->frames, frame[i]);
		if (!ids[i])
			return 0;
	}
	return n;
}

static void emit_sample(struct run *r, const struct cp_bucket *b)
{
	struct cp_pprof_label label[CP_BUCKET_LABELS];
	char state[CP_STATE_TEXT];
	uint64_t ids[CP_TRIM_FRAMES];
	const char *lock = cp_lockname(&r->locks, b->lock);
	unsigned n = locate(r, b->sid, ids), nlabels = cp_bucket_labels(b, label, state, lock);

	if (!n) {
		fail_all(r, -ENOMEM);
		return;
	}
	for (unsigned i = 0; i < r->e->n; i++)
		if (!*r->e->out[i].error)
			cp_pprof_sample(r->writer[i], ids, n, b->value, label, nlabels);
}

static void emit_samples(struct run *r)
{
	const struct cp_source *source = r->e->row[0]->source;
	const struct cp_base *base = cp_window_base(r->e->window, source);
	uint32_t n = r->e->empty ? 0 : source->count();
	struct cp_counts now;
	struct cp_bucket b;

	for (uint32_t i = 0; i < n && !all_failed(r); i++) {
		source->read(i, &now);
		source->show(i, cp_window_from(base, i), &now, &b);
		if (!cp_bucket_is_zero(&b))
			emit_sample(r, &b);
		if (source->since && !r->e->window)
			source->since->note(i, &now);
	}
}

static int resolve(struct run *r)
{
	size_t n = r->frames.n;

	r->symbol = cp_arena_alloc(r->e->job, n * sizeof(*r->symbol));
	if (!r->symbol)
		return -ENOMEM;
	/* All at once: each module's tables are read once per call. */
	return cp_symbols_resolve(r->e->job, r->frames.frame, n, r->symbol);
}

/* What is known of the locations in each mapping. */
static struct cp_pprof_mapping *describe_mappings(struct run *r)
{
	const struct cp_maps *maps = r->e->maps;
	struct cp_pprof_mapping *m = cp_arena_alloc(r->e->job, maps->n * sizeof(*m));

	for (size_t i = 0; m && i < maps->n; i++)
		m[i] = (struct cp_pprof_mapping){
			.start = maps->map[i].start,
			.limit = maps->map[i].end,
			.offset = maps->map[i].offset,
			.file = maps->map[i].file,
			.build_id = maps->map[i].build_id,
			.has_functions = true,
		};
	for (size_t i = 0; m && i < r->frames.n; i++) {
		struct cp_pprof_mapping *of = &m[cp_maps_of(maps, r->frames.frame[i])];
		const struct cp_symbol *s = r->symbol[i];

		of->has_filenames |= s->line[0].file != NULL;
		of->has_lines |= s->line[0].line != 0;
		of->has_inlines |= s->nlines > 1;
	}
	return m;
}

static void emit_location(struct run *r, struct cp_pprof *w, size_t i)
{
	const struct cp_symbol *s = r->symbol[i];
	struct cp_pprof_line line[64];
	unsigned n = CP_MIN(s->nlines, (unsigned)CP_ARRAY_LEN(line));

	for (unsigned k = 0; k < n; k++) {
		const struct cp_symbol_line *l = &s->line[k];

		line[k].function =
			cp_pprof_function(w, l->name, l->mangled, l->file, (int64_t)l->start_line);
		line[k].line = (int64_t)l->line;
	}
	cp_pprof_location(w, cp_maps_of(r->e->maps, r->frames.frame[i]) + 1,
			  cp_frame_addr(r->frames.frame[i]), line, n);
}

static void emit_names(struct run *r)
{
	const struct cp_pprof_mapping *m = NULL;
	int err = resolve(r);

	if (!err)
		m = describe_mappings(r);
	if (!m) {
		fail_all(r, err ? err : -ENOMEM);
		return;
	}
	for (unsigned w = 0; w < r->e->n; w++) {
		if (*r->e->out[w].error)
			continue;
		for (size_t i = 0; i < r->e->maps->n; i++)
			cp_pprof_mapping(r->writer[w], &m[i]);
		for (size_t i = 0; i < r->frames.n; i++)
			emit_location(r, r->writer[w], i);
	}
}

/* How long the window has been open, for this source: one that is off has no base. */
static int64_t window_of(const struct cp_emit *e)
{
	const struct cp_base *base = cp_window_base(e->window, e->row[0]->source);

	if (!e->window)
		return 0;
	return cp_now_ns(CLOCK_MONOTONIC) - (base ? base->began_ns : e->window->began_ns);
}

void cp_emit_run(const struct cp_emit *e)
{
	const struct cp_source *source = e->row[0]->source;
	struct run r = {
		.e = e,
		.time_ns = cp_now_ns(CLOCK_REALTIME),
		.window_ns = window_of(e),
		.comments = *e->comments,
		.frames = {.job = e->job},
		.locks = {.job = e->job},
		.mem = {take_memory, NULL, e->job},
	};
	int err;

	if (source->settle)
		source->settle();
	if (e->window)
		cp_comments_window(&r.comments, e->job, r.window_ns);
	if (source->remark && !e->empty)
		source->remark(e->job, &r.comments, e->to_log);
	open_writers(&r);
	err = cp_trim_learn(&r.trim, e->job, source);
	if (err)
		fail_all(&r, err);
	emit_samples(&r);
	if (source->release)
		source->release();
	emit_names(&r);
	for (unsigned i = 0; i < e->n; i++) {
		err = r.writer[i] ? cp_pprof_close(r.writer[i]) : 0;
		if (err && !*e->out[i].error)
			*e->out[i].error = err;
	}
}
