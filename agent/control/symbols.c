/* SPDX-License-Identifier: MIT */
/*
 * symbols.c - names for frames: what is known, what is asked of whom
 *
 * Context  CONTROL, one thread at a time
 * Calls    rt, sample/module.h, symcache, names, lines.
 * Holds    Frames without an answer are sorted, so that each module is opened, and
 *          its tables are read, once per batch. What a perf map says of code made at run
 *          time is asked for anew when the map has changed, and no earlier: it can be large.
 * Fails    see symbols.h
 */
#include "symbols.h"

#include "lines.h"
#include "names.h"
#include "symcache.h"

#include "../elf/demangle.h"
#include "../rt/sort.h"

#include <errno.h>
#include <string.h>

/* A cache too small for its tables is worse than none. */
#define SHARE_MIN (256UL * 1024)

int cp_symbols_init(size_t share)
{
	cp_maps_init();
	return cp_symcache_init(CP_MAX(share, SHARE_MIN));
}

static int by_frame(const void *a, const void *b)
{
	const struct cp_wanted *x = a, *y = b;

	return (x->frame > y->frame) - (x->frame < y->frame);
}

static size_t drop_doubles(struct cp_wanted *w, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++)
		if (!to || w[to - 1].frame != w[i].frame)
			w[to++] = w[i];
	return to;
}

static struct cp_wanted *find(struct cp_wanted *w, size_t n, cp_frame f)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w[mid].frame < f)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &w[lo];
}

/* One line, the function's name, unless lines have been found. */
static void answer(struct cp_names *k, struct cp_wanted *w, bool provisional)
{
	union {
		struct cp_symbol symbol;
		char room[sizeof(struct cp_symbol) + sizeof(struct cp_symbol_line)];
	} one = {{0}};

	if (w->symbol || k->no_memory)
		return;
	one.symbol.placed = w->placed;
	one.symbol.offset = w->offset;
	one.symbol.provisional = provisional;
	one.symbol.nlines = 1;
	one.symbol.line[0] = (struct cp_symbol_line){w->name, w->mangled, NULL, 0, 0};
	w->symbol = cp_symcache_put(k->job, w->frame, &one.symbol);
	if (!w->symbol)
		k->no_memory = true;
}

static void name_synthetic(struct cp_names *k, struct cp_wanted *w, size_t n)
{
	static const char *const names[CP_SYNTH_LAST] = {
		[CP_SYNTH_TABLE_FULL] = "[table full]",
		[CP_SYNTH_TRUNCATED] = "[truncated]",
		[CP_SYNTH_NO_STACK] = "[no stack]",
		[CP_SYNTH_SIGNALS_BLOCKED] = "[signals blocked]",
		[CP_SYNTH_THREADS_GONE] = "[threads gone]",
		[CP_SYNTH_CPROF] = "[cprof]",
	};

	for (size_t i = 0; i < n; i++) {
		uintptr_t which = cp_frame_addr(w[i].frame) - 0x1000;
		const char *name = which < CP_SYNTH_LAST ? names[which] : NULL;

		name = name ? name : "[unknown]";
		w[i].name = w[i].mangled = cp_symcache_string(k->job, name, strlen(name));
		k->no_memory |= !w[i].name;
	}
}

/* Whether there was no time for lines. */
static bool name_module(struct cp_names *k, struct cp_lines *l, struct cp_wanted *w, size_t n,
			unsigned id)
{
	const struct cp_module *m = cp_module_get(id);
	struct cp_modfile f;
	char exe[CP_ELF_PATH_MAX];
	const char *label = m->path;
	bool provisional;

	cp_modfile_open(&f, m, id);
	cp_names_object(k, &f, m->base, w, n);
	provisional = !cp_lines_resolve(l, k, &f, m, id, w, n);
	cp_modfile_close(&f);
	if (!m->path[0]) {
		cp_modfile_exe(exe, sizeof(exe));
		label = exe;
	}
	for (size_t i = 0; i < n; i++)
		if (!w[i].name)
			cp_names_by_address(k, &w[i], label, m->base);
	return provisional;
}

static void name_group(struct cp_names *k, struct cp_lines *l, struct cp_wanted *w, size_t n)
{
	unsigned id = cp_frame_module(w[0].frame);
	bool provisional = false;

	if (id == CP_MODULE_SYNTH)
		name_synthetic(k, w, n);
	else if (id == CP_MODULE_NONE || id > cp_module_count())
		cp_names_loose(k, w, n);
	else
		provisional = name_module(k, l, w, n, id);
	for (size_t i = 0; i < n; i++)
		answer(k, &w[i], provisional || w[i].made);
}

static size_t group_end(const struct cp_wanted *w, size_t from, size_t n)
{
	size_t end = from + 1;

	while (end < n && end - from < CP_NAMES_BATCH &&
	       cp_frame_module(w[end].frame) == cp_frame_module(w[from].frame))
		end++;
	return end;
}

static int name_all(struct cp_arena *job, struct cp_arena *scratch, struct cp_wanted *w, size_t n)
{
	struct cp_names *k = cp_arena_alloc(scratch, sizeof(*k));
	struct cp_lines *l = cp_lines_begin(scratch);

	if (k)
		k->q = cp_arena_alloc(scratch, CP_MIN(n, (size_t)CP_NAMES_BATCH) * sizeof(*k->q));
	if (!k || !k->q)
		return -ENOMEM;
	k->job = job;
	k->scratch = scratch;
	cp_demangle_open();
	/* Who was waited for in vain is not to take the time of the others. */
	for (int slow = 0; slow < 2; slow++)
		for (size_t i = 0, end; i < n && !k->no_memory; i = end) {
			end = group_end(w, i, n);
			if (cp_lines_slow(cp_frame_module(w[i].frame)) == slow && !w[i].symbol)
				name_group(k, l, w + i, end - i);
		}
	cp_demangle_close();
	cp_lines_end(l);
	return k->no_memory ? -ENOMEM : 0;
}

/* May lines be had by now? */
static bool is_due(const struct cp_symbol *s, unsigned id)
{
	return s->provisional && id != CP_MODULE_NONE && cp_lines_due(id);
}

static size_t find_known(const cp_frame *frames, size_t n, const struct cp_symbol **out)
{
	size_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		out[i] = cp_symcache_find(frames[i]);
		if (out[i] && is_due(out[i], cp_frame_module(frames[i])))
			out[i] = NULL;
		missing += !out[i];
	}
	return missing;
}

/* The file may be gone by now, but the function's name stays: lines are what is missing. One by
 * address alone is looked for again, it may be known where lines are. */
static void want(struct cp_wanted *w, cp_frame f)
{
	const struct cp_symbol *s = cp_symcache_find(f);

	*w = (struct cp_wanted){.frame = f};
	if (!s || !s->placed)
		return;
	w->name = s->line[0].name;
	w->mangled = s->line[0].mangled;
	w->placed = true;
	w->offset = s->offset;
}

/* Answers what is missing: w has room for it. */
static int resolve_missing(struct cp_arena *job, struct cp_arena *scratch, struct cp_wanted *w,
			   const cp_frame *frames, size_t n, const struct cp_symbol **out)
{
	size_t nwanted = 0;
	int err;

	for (size_t i = 0; i < n; i++)
		if (!out[i])
			want(&w[nwanted++], frames[i]);
	cp_sort(w, nwanted, sizeof(*w), by_frame);
	nwanted = drop_doubles(w, nwanted);
	err = name_all(job, scratch, w, nwanted);
	for (size_t i = 0; i < n && !err; i++)
		if (!out[i])
			out[i] = find(w, nwanted, frames[i])->symbol;
	return err;
}

int cp_symbols_resolve(struct cp_arena *job, const cp_frame *frames, size_t n,
		       const struct cp_symbol **out)
{
	struct cp_arena scratch = {.stays = true};
	struct cp_wanted *w;
	size_t missing;
	int err = -ENOMEM;

	/* Before anything is found, and before the map is read: what is written to it from here
	 * on counts the next time. */
	if (cp_perfmap_changed())
		cp_symcache_forget_made();
	missing = find_known(frames, n, out);
	if (!missing)
		return 0;
	w = cp_arena_alloc(&scratch, missing * sizeof(*w));
	if (w)
		err = resolve_missing(job, &scratch, w, frames, n, out);
	cp_arena_release(&scratch);
	return err;
}
