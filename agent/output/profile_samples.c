/* SPDX-License-Identifier: MIT */
/*
 * profile_samples.c - the samples of a profile being read
 *
 * Context  pure code, as profile_reader.h; the bytes are not trusted.
 * Calls    protobuf-c's unpack, labels.h.
 * Holds    Every sample has a value for each type, and its labels are sorted.
 * Fails    see profile.h
 */
#include "profile_reader.h"

#include "labels.h"
#include "profile.pb-c.h"
#include "take.h"

static bool add_stack(struct cp_reader *r, const Pprof__Sample *m, struct cp_sample *out)
{
	const struct cp_location **list = cp_take(&r->mem, m->n_location_id, sizeof(*list));

	if (!list)
		return cp_reader_no_memory(r);
	for (size_t i = 0; i < m->n_location_id; i++) {
		size_t l = cp_ids_find(&r->location_ids, m->location_id[i]);

		if (l == CP_IDS_NONE)
			return cp_reader_fail(r, "sample %lu names location %lu, which isn't there",
					      r->p->nsamples + 1, m->location_id[i]);
		list[i] = &r->p->locations[l];
	}
	out->locations = list;
	out->nlocations = (unsigned)m->n_location_id;
	return true;
}

static bool add_values(struct cp_reader *r, const Pprof__Sample *m, struct cp_sample *out)
{
	if (m->n_value != r->p->head.ntypes)
		return cp_reader_fail(r, "sample %lu has %lu values, but there are %u sample types",
				      r->p->nsamples + 1, m->n_value, r->p->head.ntypes);
	out->values = cp_take(&r->mem, m->n_value, sizeof(*out->values));
	if (!out->values)
		return cp_reader_no_memory(r);
	memcpy(out->values, m->value, m->n_value * sizeof(*out->values));
	return true;
}

/* Answers false on failure; *kept says whether the label means anything: no key, an
 * empty text, or a zero without a unit, is how "nothing" is written. */
static bool read_label(struct cp_reader *r, const Pprof__Label *m, struct cp_pprof_label *out,
		       bool *kept)
{
	*out = (struct cp_pprof_label){0};
	if (!cp_reader_string(r, m->key, &out->key) || !cp_reader_string(r, m->str, &out->str) ||
	    !cp_reader_string(r, m->num_unit, &out->unit))
		return false;
	if (!*out->unit || *out->str)
		out->unit = NULL;
	if (!*out->str) {
		out->str = NULL;
		out->num = m->num;
	}
	*kept = *out->key && (out->str || out->num || out->unit);
	return true;
}

static bool add_labels(struct cp_reader *r, const Pprof__Sample *m, struct cp_sample *out)
{
	struct cp_pprof_label *label;
	unsigned n = 0;

	out->labels = NULL;
	out->nlabels = 0;
	if (!m->n_label)
		return true;
	label = cp_take(&r->mem, m->n_label, sizeof(*label));
	if (!label)
		return cp_reader_no_memory(r);
	for (size_t i = 0; i < m->n_label; i++) {
		bool kept;

		if (!read_label(r, m->label[i], &label[n], &kept))
			return false;
		n += kept;
	}
	cp_labels_sort(label, n);
	out->labels = label;
	out->nlabels = n;
	return true;
}

static bool add_sample(struct cp_reader *r, const unsigned char *data, size_t len)
{
	struct cp_sample *out = &r->p->samples[r->p->nsamples];
	Pprof__Sample *m = cp_reader_unpack(r, &pprof__sample__descriptor, data, len);

	if (!m || !add_values(r, m, out) || !add_stack(r, m, out) || !add_labels(r, m, out))
		return false;
	r->p->nsamples++;
	return true;
}

bool cp_reader_samples(struct cp_reader *r)
{
	r->p->samples = cp_take(&r->mem, r->count[CP_READER_SAMPLE], sizeof(*r->p->samples));
	if (!r->p->samples)
		return cp_reader_no_memory(r);
	return cp_reader_each(r, CP_READER_SAMPLE, add_sample);
}
