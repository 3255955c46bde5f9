/* SPDX-License-Identifier: MIT */
/*
 * profile_write.c - a profile in memory back into pprof's format
 *
 * Context  pure code, as profile.h.
 * Calls    pprof.h
 * Holds    Element i of a table gets id i + 1; functions that are equal in all
 *          fields become one.
 * Fails    0, or the first error of the sink, or -ENOMEM.
 */
#include "profile.h"

#include "take.h"

#include <errno.h>

struct writer {
	const struct cp_profile *p;
	struct cp_alloc mem;
	struct cp_pprof *out;
	uint64_t *function; /* id of each of p's functions */
	void *lines, *ids;  /* scratch for one location, one sample */
	size_t lines_cap, ids_cap;
};

static bool write_functions(struct writer *w)
{
	const struct cp_profile *p = w->p;

	w->function = cp_take(&w->mem, p->nfunctions, sizeof(*w->function));
	if (!w->function)
		return false;
	for (size_t i = 0; i < p->nfunctions; i++) {
		const struct cp_function *f = &p->functions[i];

		w->function[i] =
			cp_pprof_function(w->out, f->name, f->system_name, f->file, f->start_line);
	}
	return true;
}

static bool write_location(struct writer *w, const struct cp_location *l)
{
	uint64_t mapping = l->mapping ? (uint64_t)(l->mapping - w->p->mappings) + 1 : 0;
	struct cp_pprof_line *line;

	if (!cp_take_room(&w->mem, &w->lines, &w->lines_cap, l->nlines, sizeof(*line)))
		return false;
	line = w->lines;
	for (unsigned i = 0; i < l->nlines; i++) {
		line[i].function = w->function[l->lines[i].function - w->p->functions];
		line[i].line = l->lines[i].line;
	}
	cp_pprof_location_folded(w->out, mapping, l->address, line, l->nlines, l->folded);
	return true;
}

static bool write_sample(struct writer *w, const struct cp_sample *s)
{
	uint64_t *id;

	if (!cp_take_room(&w->mem, &w->ids, &w->ids_cap, s->nlocations, sizeof(*id)))
		return false;
	id = w->ids;
	for (unsigned i = 0; i < s->nlocations; i++)
		id[i] = (uint64_t)(s->locations[i] - w->p->locations) + 1;
	cp_pprof_sample(w->out, id, s->nlocations, s->values, s->labels, s->nlabels);
	return true;
}

static bool write_all(struct writer *w)
{
	const struct cp_profile *p = w->p;

	for (size_t i = 0; i < p->nmappings; i++)
		cp_pprof_mapping(w->out, &p->mappings[i]);
	if (!write_functions(w))
		return false;
	for (size_t i = 0; i < p->nlocations; i++) {
		if (!write_location(w, &p->locations[i]))
			return false;
	}
	for (size_t i = 0; i < p->nsamples; i++) {
		if (!write_sample(w, &p->samples[i]))
			return false;
	}
	return true;
}

int cp_profile_write(const struct cp_profile *p, const struct cp_sink *sink,
		     const struct cp_alloc *mem)
{
	struct writer w = {.p = p, .mem = *mem};
	bool complete;
	int err;

	w.out = cp_pprof_open(&p->head, sink, mem);
	complete = w.out && write_all(&w);
	err = cp_pprof_close(w.out);
	cp_give(mem, w.function);
	cp_give(mem, w.lines);
	cp_give(mem, w.ids);
	return complete ? err : -ENOMEM;
}
