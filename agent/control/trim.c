/* SPDX-License-Identifier: MIT */
/*
 * trim.c - the frames of a recorded stack, as profiles show them
 *
 * Context  CONTROL, one job
 * Calls    the source's reader, the stack table, symbols.c.
 * Holds    see trim.h
 * Fails    A stack that comes after cp_trim_learn is shown whole, if it begins where none did.
 */
#include "trim.h"

#include "../sample/module.h"
#include "../sample/stack.h"
#include "profiles.h"
#include "symbols.h"

#include <errno.h>
#include <string.h>

/* By number of the module. */
struct libraries {
	bool is[CP_MODULE_MAX + 1];
};

static bool is_library(const struct cp_module *m)
{
	const char *base = strrchr(m->path, '/');

	base = base ? base + 1 : m->path;
	return !strncmp(base, "libstdc++.", 10) || !strncmp(base, "libc++", 6);
}

/* NULL: there are none. */
static const struct libraries *find_libraries(struct cp_arena *job)
{
	struct libraries *l = NULL;

	for (unsigned i = 1; i <= cp_module_count(); i++) {
		if (!is_library(cp_module_get(i)))
			continue;
		if (!l)
			l = cp_arena_alloc(job, sizeof(*l));
		if (l)
			l->is[i] = true;
	}
	return l;
}

static bool is_within(const struct libraries *l, cp_frame frame)
{
	unsigned module = cp_frame_module(frame);

	return module < CP_ARRAY_LEN(l->is) && l->is[module];
}

static bool note(struct cp_trim *t, const struct libraries *l, const struct cp_stack *s)
{
	for (unsigned i = 0; i < s->n && is_within(l, s->frame[i]); i++)
		if (!cp_frames_number(&t->frames, s->frame[i]))
			return false;
	return true;
}

int cp_trim_learn(struct cp_trim *t, struct cp_arena *job, const struct cp_source *source)
{
	const struct libraries *l = source->by_caller ? find_libraries(job) : NULL;
	const struct cp_counts nothing = {{0}};
	struct cp_bucket b;

	*t = (struct cp_trim){.frames.job = job};
	for (uint32_t i = 0, n = l ? source->count() : 0; i < n; i++) {
		source->show(i, NULL, &nothing, &b);
		if (!note(t, l, cp_stack_get(b.sid)))
			return -ENOMEM;
	}
	if (!t->frames.n)
		return 0;
	t->symbol = cp_arena_alloc(job, t->frames.n * sizeof(*t->symbol));
	if (!t->symbol)
		return -ENOMEM;
	return cp_symbols_resolve(job, t->frames.frame, t->frames.n, t->symbol);
}

static bool is_new(const struct cp_trim *t, cp_frame frame)
{
	uint64_t number = cp_frames_find(&t->frames, frame);
	const struct cp_symbol *s = number ? t->symbol[number - 1] : NULL;

	return s && !strncmp(s->line[s->nlines - 1].name, "operator new", 12);
}

unsigned cp_trim_stack(const struct cp_trim *t, cp_sid sid, cp_frame *out)
{
	const struct cp_stack *s = cp_stack_get(sid);
	unsigned from = 0, n = 0;

	if (sid == CP_SID_NONE || sid == CP_SID_FULL) {
		out[n++] = cp_frame_synth(sid == CP_SID_NONE ? CP_SYNTH_NO_STACK
							     : CP_SYNTH_TABLE_FULL);
		return n;
	}
	while (from + 1 < s->n && is_new(t, s->frame[from]))
		from++;
	for (unsigned i = from; i < CP_MIN(s->n, (unsigned)CP_WALK_MAX); i++)
		out[n++] = s->frame[i];
	if (s->cut)
		out[n++] = cp_frame_synth(CP_SYNTH_TRUNCATED);
	return n;
}
