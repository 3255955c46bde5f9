/* SPDX-License-Identifier: MIT */
/*
 * profile_merge.c - sums and differences of profiles
 *
 * Context  pure code, as profile.h.
 * Calls    idtab.h, profile_head.h
 * Holds    Identity is pprof's. Mapping: size in pages, file offset, build id or
 *          else file. Function: all its fields. Location: mapping, address from
 *          the mapping's start, lines. Sample: locations and labels. Each is a
 *          fingerprint over the numbers of the level below, so a merge costs
 *          one table look-up per element: nothing is compared pairwise.
 *          Only what a sample with a value uses comes along, but a's first
 *          mapping always does: it names the profile.
 * Fails    see profile.h
 */
#include "profile.h"

#include "idtab.h"
#include "profile_head.h"
#include "take.h"

#define UNSEEN UINT32_MAX

struct merge {
	struct cp_alloc mem;
	struct cp_profile *out;
	struct cp_idtab mappings, functions, locations, samples;
	const struct cp_profile *src; /* the one being added, */
	int64_t factor;		      /* so many times */
	uint32_t *function;	      /* place in out of src's, UNSEEN before */
	uint32_t *location;
	struct cp_profile_line *lines;
	void *stack; /* scratch: places of one sample's locations */
	size_t stack_cap;
};

static struct cp_hash text_hash(struct cp_hash h, const char *s)
{
	cp_hash_word(&h, s != NULL);
	if (s)
		cp_hash_bytes(&h, s, strlen(s));
	return h;
}

/* --- mappings and functions -------------------------------------------- */

static uint32_t map_mapping(struct merge *m, const struct cp_pprof_mapping *map)
{
	struct cp_hash h = cp_hash_start(m->mappings.seed);
	uint32_t at;
	bool fresh;

	cp_hash_word(&h, (map->limit - map->start + CP_PAGE - 1) / CP_PAGE);
	cp_hash_word(&h, map->offset);
	h = text_hash(h, map->build_id ? map->build_id : map->file);
	at = cp_idtab_put(&m->mappings, h, &fresh);
	if (at == CP_IDTAB_FULL)
		return UNSEEN;
	if (fresh) {
		m->out->mappings[m->out->nmappings++] = *map;
	} else {
		/* It may say only what is true of all that is in it now. */
		struct cp_pprof_mapping *o = &m->out->mappings[at];

		o->has_functions &= map->has_functions;
		o->has_filenames &= map->has_filenames;
		o->has_lines &= map->has_lines;
		o->has_inlines &= map->has_inlines;
	}
	return at;
}

static uint32_t map_function(struct merge *m, const struct cp_function *f)
{
	uint32_t *place = &m->function[f - m->src->functions];
	struct cp_hash h = cp_hash_start(m->functions.seed);
	bool fresh;

	if (*place != UNSEEN)
		return *place;
	h = text_hash(text_hash(text_hash(h, f->name), f->system_name), f->file);
	cp_hash_word(&h, (uint64_t)f->start_line);
	*place = cp_idtab_put(&m->functions, h, &fresh);
	if (*place != CP_IDTAB_FULL && fresh)
		m->out->functions[m->out->nfunctions++] = *f;
	return *place;
}

/* --- locations --------------------------------------------------------- */

static bool copy_lines(struct merge *m, const struct cp_location *l, struct cp_location *out)
{
	for (unsigned i = 0; i < l->nlines; i++) {
		uint32_t f = map_function(m, l->lines[i].function);

		if (f == UNSEEN)
			return false;
		m->lines[i].function = &m->out->functions[f];
		m->lines[i].line = l->lines[i].line;
	}
	out->lines = m->lines;
	out->nlines = l->nlines;
	return true;
}

static struct cp_hash location_hash(const struct merge *m, uint32_t mapping, uint64_t offset,
				    const struct cp_location *out)
{
	struct cp_hash h = cp_hash_start(m->locations.seed);

	cp_hash_word(&h, (uint64_t)mapping + 1); /* no mapping, UNSEEN: its own number */
	cp_hash_word(&h, offset);
	cp_hash_word(&h, out->folded);
	for (unsigned i = 0; i < out->nlines; i++) {
		cp_hash_word(&h, (uint64_t)(out->lines[i].function - m->out->functions));
		cp_hash_word(&h, (uint64_t)out->lines[i].line);
	}
	return h;
}

static bool place_location(struct merge *m, const struct cp_location *l, uint32_t *place)
{
	struct cp_location out = {.address = l->address, .folded = l->folded};
	uint64_t offset = l->address;
	uint32_t mapping = UNSEEN;
	bool fresh;

	if (l->mapping) {
		mapping = map_mapping(m, l->mapping);
		if (mapping == UNSEEN)
			return false;
		out.mapping = &m->out->mappings[mapping];
		offset -= l->mapping->start;
		out.address = out.mapping->start + offset;
	}
	if (!copy_lines(m, l, &out))
		return false;
	*place = cp_idtab_put(&m->locations, location_hash(m, mapping, offset, &out), &fresh);
	if (*place != CP_IDTAB_FULL && fresh) {
		m->out->locations[m->out->nlocations++] = out;
		m->lines += out.nlines;
	}
	return *place != CP_IDTAB_FULL;
}

/* --- samples ----------------------------------------------------------- */

/* Finds the places of a sample's locations into m->stack. */
static bool place_stack(struct merge *m, const struct cp_sample *s)
{
	uint32_t *stack;

	if (!cp_take_room(&m->mem, &m->stack, &m->stack_cap, s->nlocations, sizeof(*stack)))
		return false;
	stack = m->stack;
	for (unsigned i = 0; i < s->nlocations; i++) {
		uint32_t *place = &m->location[s->locations[i] - m->src->locations];

		if (*place == UNSEEN && !place_location(m, s->locations[i], place))
			return false;
		stack[i] = *place;
	}
	return true;
}

static struct cp_hash sample_hash(const struct merge *m, const struct cp_sample *s)
{
	struct cp_hash h = cp_hash_start(m->samples.seed);
	const uint32_t *stack = m->stack;

	cp_hash_word(&h, s->nlocations);
	for (unsigned i = 0; i < s->nlocations; i++)
		cp_hash_word(&h, stack[i]);
	for (unsigned i = 0; i < s->nlabels; i++) {
		h = text_hash(text_hash(h, s->labels[i].key), s->labels[i].str);
		cp_hash_word(&h, (uint64_t)s->labels[i].num);
		h = text_hash(h, s->labels[i].unit);
	}
	return h;
}

static bool new_sample(struct merge *m, const struct cp_sample *s)
{
	struct cp_sample *out = &m->out->samples[m->out->nsamples];
	const struct cp_location **list = cp_take(&m->mem, s->nlocations, sizeof(*list));
	const uint32_t *stack = m->stack;

	*out = *s; /* labels are shared with the source */
	out->values = cp_take_zeroed(&m->mem, m->out->head.ntypes, sizeof(*out->values));
	if (!list || !out->values)
		return false;
	for (unsigned i = 0; i < s->nlocations; i++)
		list[i] = &m->out->locations[stack[i]];
	out->locations = list;
	m->out->nsamples++;
	return true;
}

static bool is_zero(const struct cp_profile *p, const struct cp_sample *s)
{
	for (unsigned i = 0; i < p->head.ntypes; i++) {
		if (s->values[i])
			return false;
	}
	return true;
}

static bool add_sample(struct merge *m, const struct cp_sample *s)
{
	int64_t *sum;
	uint32_t at;
	bool fresh;

	if (is_zero(m->src, s))
		return true;
	if (!place_stack(m, s))
		return false;
	at = cp_idtab_put(&m->samples, sample_hash(m, s), &fresh);
	if (at == CP_IDTAB_FULL || (fresh && !new_sample(m, s)))
		return false;
	sum = m->out->samples[at].values;
	/* Wraps around where a file's numbers are absurd: defined, and harmless. */
	for (unsigned i = 0; i < m->out->head.ntypes; i++)
		sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)m->factor * (uint64_t)s->values[i]);
	return true;
}

/* --- whole profiles ---------------------------------------------------- */

static uint32_t *unseen_places(struct merge *m, size_t n)
{
	uint32_t *place = cp_take(&m->mem, n, sizeof(*place));

	return place ? memset(place, 0xff, n * sizeof(*place)) : NULL;
}

static bool room_for_lines(struct merge *m)
{
	size_t n = 0;

	/* A location seen before is written past the last kept one, then dropped: so
	 * there is room for all of them, and no more is ever needed. */
	for (size_t i = 0; i < m->src->nlocations; i++)
		n += m->src->locations[i].nlines;
	m->lines = cp_take(&m->mem, n, sizeof(*m->lines));
	return m->lines;
}

static bool add_profile(struct merge *m, const struct cp_profile *src, int64_t factor)
{
	bool ok;

	m->src = src;
	m->factor = factor;
	m->function = unseen_places(m, src->nfunctions);
	m->location = unseen_places(m, src->nlocations);
	ok = m->function && m->location && room_for_lines(m);
	for (size_t i = 0; ok && i < src->nsamples; i++)
		ok = add_sample(m, &src->samples[i]);
	cp_give(&m->mem, m->function);
	cp_give(&m->mem, m->location);
	return ok;
}

static bool room_for_tables(struct cp_profile *out, const struct cp_profile *a,
			    const struct cp_profile *b, const struct cp_alloc *mem)
{
	out->mappings = cp_take(mem, a->nmappings + (b ? b->nmappings : 0), sizeof(*out->mappings));
	out->functions =
		cp_take(mem, a->nfunctions + (b ? b->nfunctions : 0), sizeof(*out->functions));
	out->locations =
		cp_take(mem, a->nlocations + (b ? b->nlocations : 0), sizeof(*out->locations));
	out->samples = cp_take(mem, a->nsamples + (b ? b->nsamples : 0), sizeof(*out->samples));
	return out->mappings && out->functions && out->locations && out->samples;
}

static bool merge_init(struct merge *m)
{
	return !cp_idtab_init(&m->mappings, &m->mem) && !cp_idtab_init(&m->functions, &m->mem) &&
	       !cp_idtab_init(&m->locations, &m->mem) && !cp_idtab_init(&m->samples, &m->mem);
}

static void merge_fini(struct merge *m)
{
	cp_idtab_fini(&m->mappings);
	cp_idtab_fini(&m->functions);
	cp_idtab_fini(&m->locations);
	cp_idtab_fini(&m->samples);
	cp_give(&m->mem, m->stack);
}

static struct cp_profile *sum(const struct cp_profile *a, const struct cp_profile *b,
			      int64_t factor, const struct cp_alloc *mem)
{
	struct cp_profile *out = cp_take_zeroed(mem, 1, sizeof(*out));
	struct merge m = {.mem = *mem, .out = out};
	bool ok = out && room_for_tables(out, a, b, mem) && merge_init(&m) &&
		  cp_profile_head_merge(&out->head, a, b, factor, mem);

	if (ok && a->nmappings)
		ok = map_mapping(&m, &a->mappings[0]) != UNSEEN;
	ok = ok && add_profile(&m, a, 1) && (!b || add_profile(&m, b, factor));
	merge_fini(&m);
	return ok ? out : NULL;
}

static bool any_zero(const struct cp_profile *p)
{
	for (size_t i = 0; i < p->nsamples; i++) {
		if (is_zero(p, &p->samples[i]))
			return true;
	}
	return false;
}

struct cp_profile *cp_profile_merge(const struct cp_profile *a, const struct cp_profile *b,
				    int64_t factor, const struct cp_alloc *mem, const char **why)
{
	struct cp_profile *out;

	*why = b ? cp_profile_head_differ(a, b, mem) : NULL;
	if (*why)
		return NULL;
	out = sum(a, b, factor, mem);
	/* What cancelled out goes, and with a second round what only it used. */
	if (out && any_zero(out))
		out = sum(out, NULL, 1, mem);
	if (!out)
		*why = "not enough memory to merge";
	return out;
}
