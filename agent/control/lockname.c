/* SPDX-License-Identifier: MIT */
/*
 * lockname.c - the names of locks: the variable, or who initialised it
 *
 * Context  CONTROL, one job
 * Calls    lockid.h's readers, symbols.h.
 * Holds    All are named at the first question, and again when there is a new one: each
 *          object's tables are read once for all of its locks.
 * Fails    No memory: no names.
 */
#include "lockname.h"

#include "../rt/buf.h"
#include "../sample/lockid.h"
#include "symbols.h"

#include <string.h>

struct wanted {
	cp_frame frame[CP_LOCKIDS_MAX];
	const struct cp_symbol *symbol[CP_LOCKIDS_MAX];
	uint16_t id[CP_LOCKIDS_MAX];
	bool is_code[CP_LOCKIDS_MAX];
	size_t n;
};

static const char *name_of(struct cp_arena *job, const struct cp_symbol *s, bool is_code)
{
	/* The function itself, not what was inlined into it. */
	const char *name = s->line[is_code ? s->nlines - 1 : 0].name;
	char text[1024];
	struct cp_buf b = CP_BUF(text);

	if (!is_code)
		return name;
	cp_buf_fmt(&b, "init %s", name);
	return cp_arena_strdup(job, b.p, b.len);
}

static void collect(struct wanted *w, const struct cp_locknames *k)
{
	for (uint32_t id = 1; id < cp_lockid_end(); id++) {
		if (k->name[id] || !cp_lockid_get(id, &w->frame[w->n], &w->is_code[w->n]))
			continue;
		w->id[w->n++] = (uint16_t)id;
	}
}

static void name_all(struct cp_locknames *k)
{
	struct wanted *w = cp_arena_alloc(k->job, sizeof(*w));

	if (!w)
		return;
	memset(w, 0, sizeof(*w));
	collect(w, k);
	if (cp_symbols_resolve(k->job, w->frame, w->n, w->symbol))
		return;
	for (size_t i = 0; i < w->n; i++)
		k->name[w->id[i]] = name_of(k->job, w->symbol[i], w->is_code[i]);
}

const char *cp_lockname(struct cp_locknames *k, uint16_t id)
{
	if (!id)
		return NULL;
	if (!k->name) {
		k->name = cp_arena_alloc(k->job, CP_LOCKIDS_MAX * sizeof(*k->name));
		if (!k->name)
			return NULL;
		memset(k->name, 0, CP_LOCKIDS_MAX * sizeof(*k->name));
	}
	if (!k->name[id])
		name_all(k);
	return k->name[id];
}
