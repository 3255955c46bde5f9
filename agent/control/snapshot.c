/* SPDX-License-Identifier: MIT */
/*
 * snapshot.c - reads the profiles and writes them: one snapshot
 *
 * Context  CONTROL, one at a time, on the job thread
 * Calls    emit.c, files.c, retention.c, symbols.c, the log.
 * Holds    One time in the names of all files of a snapshot; in each file that of its own
 *          reading. Its memory is an arena, and one more for each source in turn, released
 *          whole; a child forked meanwhile does not inherit it.
 * Fails    One line: what could not be written, why, and what happens now.
 */
#include "snapshot.h"

#include "../rt/buf.h"
#include "../rt/log.h"
#include "../rt/sys.h"
#include "comments.h"
#include "config.h"
#include "emit.h"
#include "exclusive.h"
#include "exe.h"
#include "files.h"
#include "reason.h"
#include "retention.h"

struct taking {
	const struct cp_snapshot *order;
	struct cp_arena arena;
	struct cp_maps maps;
	struct cp_comments comments;
	struct cp_files files;
	const struct cp_profile_row *row[CP_TYPES];
	int64_t began_ns;
};

static unsigned choose_rows(struct taking *t)
{
	uint32_t types = t->order->types ? t->order->types : ~0U;
	unsigned n = 0;

	for (unsigned i = 0; i < cp_profile_count; i++)
		if ((types & 1U << cp_profiles[i].type) && cp_profiles_is_on(&cp_profiles[i]))
			t->row[n++] = &cp_profiles[i];
	return n;
}

static void emit_source(struct taking *t, const struct cp_source *source)
{
	/* What one source needs is given back before the next. Never 0: that is no limit. */
	size_t left = t->arena.limit - t->arena.mapped;
	struct cp_arena arena = {.limit = CP_MAX(left, (size_t)CP_PAGE), .stays = true};
	struct cp_emit e = {
		.job = &arena,
		.maps = &t->maps,
		.comments = &t->comments,
		.window = t->order->window,
		.to_log = true,
	};

	for (unsigned i = 0; i < t->files.n; i++) {
		if (t->row[i]->source != source)
			continue;
		e.row[e.n] = t->row[i];
		e.out[e.n++] = (struct cp_emit_out){{cp_file_write, &t->files.file[i]},
						    &t->files.file[i].error};
	}
	cp_emit_run(&e);
	cp_arena_release(&arena);
}

static void emit_all(struct taking *t)
{
	int err = cp_maps_read(&t->arena, &t->maps);

	if (err) {
		for (unsigned i = 0; i < t->files.n; i++)
			t->files.file[i].error = err;
		return;
	}
	cp_comments_build(&t->comments, &t->arena, t->order->nonce, t->order->nnonces);
	for (unsigned i = 0; i < t->files.n; i++) {
		bool seen = false;

		for (unsigned j = 0; j < i; j++)
			seen |= t->row[j]->source == t->row[i]->source;
		if (!seen)
			emit_source(t, t->row[i]->source);
	}
}

/* Appends the types that went well, or those that did not, joined by commas. */
static unsigned list_types(const struct cp_files *f, bool failed, struct cp_buf *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++) {
		if (!f->file[i].error == failed)
			continue;
		if (n++)
			cp_buf_char(b, ',');
		cp_buf_str(b, f->file[i].type);
	}
	return n;
}

static void report_written(const struct taking *t)
{
	char types[128], name[CP_NAME_MAX];
	struct cp_buf b = CP_BUF(types);
	unsigned n = list_types(&t->files, false, &b);
	char braces[sizeof(types) + 2];
	struct cp_buf in = CP_BUF(braces);
	uint64_t size = 0;

	if (!n)
		return;
	for (unsigned i = 0; i < t->files.n; i++)
		size += t->files.file[i].error ? 0 : t->files.file[i].size;
	cp_buf_fmt(&in, n > 1 ? "{%s}" : "%s", types);
	cp_name_build(name, cp_exe_name(), &t->files.name, braces, false);
	cp_log("wrote %s/%s (%lu bytes, %ld ms)", t->files.dir.path, name, size,
	       (cp_now_ns(CLOCK_MONOTONIC) - t->began_ns) / 1000000);
}

static void report_lost(const struct taking *t)
{
	char types[128];
	struct cp_buf b = CP_BUF(types);
	int error = 0;

	if (!list_types(&t->files, true, &b))
		return;
	for (unsigned i = 0; i < t->files.n && !error; i++)
		error = t->files.file[i].error;
	cp_log("could not write %s to %s: %s; earlier files are untouched, the next snapshot tries "
	       "again",
	       types, t->files.dir.path, cp_reason(error));
}

/* What is in a file that is there need not be in the next one. */
static void start_anew(const struct taking *t)
{
	for (unsigned i = 0; i < t->files.n; i++) {
		const struct cp_since *since = t->row[i]->source->since;

		if (since && !t->order->window && !t->files.file[i].error)
			since->written();
	}
}

static void finish(struct taking *t)
{
	if (t->order->may_finish && !t->order->may_finish()) {
		cp_files_abandon();
		return;
	}
	cp_files_end(&t->files);
	report_written(t);
	start_anew(t);
	if (!cp_files_abandoned())
		report_lost(t);
	cp_retention_apply(&t->arena, &t->files.dir, cp_config.keep, cp_config.max_bytes);
}

void cp_snapshot_take(const struct cp_snapshot *s)
{
	struct taking t = {
		.order = s,
		.arena = {.limit = cp_config_memory(CP_MEMORY_JOB), .stays = true},
		.began_ns = cp_now_ns(CLOCK_MONOTONIC),
	};
	unsigned n = choose_rows(&t);
	const char *types[CP_TYPES];
	int err;

	for (unsigned i = 0; i < n; i++)
		types[i] = t.row[i]->name;
	if (!n) {
		cp_log("nothing to write: what is asked for is off (CPROF_PROFILES and the rates)");
		return;
	}
	err = cp_files_begin(&t.files, types, n, cp_now_ns(CLOCK_REALTIME) / 1000000000, !s->last);
	if (err) {
		if (!cp_files_abandoned())
			cp_log("no snapshot: can't write to %s: %s; the next one tries again",
			       t.files.dir.path, cp_reason(err));
		return;
	}
	cp_exclusive_enter(0);
	emit_all(&t);
	cp_exclusive_leave();
	finish(&t);
	cp_dir_close(&t.files.dir);
	cp_arena_release(&t.arena);
}
