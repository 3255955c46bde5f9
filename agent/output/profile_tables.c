/* SPDX-License-Identifier: MIT */
/*
 * profile_tables.c - mappings, functions and locations of a profile being read
 *
 * Context  pure code, as profile_reader.h; the bytes are not trusted.
 * Calls    protobuf-c's unpack.
 * Holds    Ids are unique and not 0; every line has its function. A mapping id
 *          that names no mapping means none, as it does to pprof.
 * Fails    see profile.h
 */
#include "profile_reader.h"

#include "profile.pb-c.h"
#include "take.h"

#include <errno.h>

static bool add_id(struct cp_reader *r, struct cp_ids *ids, uint64_t id, const char *what)
{
	switch (cp_ids_add(ids, id)) {
	case 0:
		return true;
	case -EINVAL:
		return cp_reader_fail(r, "it has a %s with id 0, which is reserved", what);
	case -EEXIST:
		return cp_reader_fail(r, "it has two %ss with the id %lu", what, id);
	default:
		return cp_reader_no_memory(r);
	}
}

static bool add_mapping(struct cp_reader *r, const unsigned char *data, size_t len)
{
	struct cp_pprof_mapping *out = &r->p->mappings[r->p->nmappings];
	Pprof__Mapping *m = cp_reader_unpack(r, &pprof__mapping__descriptor, data, len);

	if (!m || !add_id(r, &r->mapping_ids, m->id, "mapping") ||
	    !cp_reader_string(r, m->filename, &out->file) ||
	    !cp_reader_string(r, m->build_id, &out->build_id))
		return false;
	if (!m->build_id || !out->build_id[0])
		out->build_id = NULL;
	out->start = m->memory_start;
	out->limit = m->memory_limit;
	out->offset = m->file_offset;
	out->has_functions = m->has_functions;
	out->has_filenames = m->has_filenames;
	out->has_lines = m->has_line_numbers;
	out->has_inlines = m->has_inline_frames;
	r->p->nmappings++;
	return true;
}

static bool add_function(struct cp_reader *r, const unsigned char *data, size_t len)
{
	struct cp_function *out = &r->p->functions[r->p->nfunctions];
	Pprof__Function *m = cp_reader_unpack(r, &pprof__function__descriptor, data, len);

	if (!m || !add_id(r, &r->function_ids, m->id, "function") ||
	    !cp_reader_string(r, m->name, &out->name) ||
	    !cp_reader_string(r, m->system_name, &out->system_name) ||
	    !cp_reader_string(r, m->filename, &out->file))
		return false;
	out->start_line = m->start_line;
	r->p->nfunctions++;
	return true;
}

static bool add_lines(struct cp_reader *r, const Pprof__Location *m, struct cp_location *out)
{
	struct cp_profile_line *line = cp_take(&r->mem, m->n_line, sizeof(*line));

	if (!line)
		return cp_reader_no_memory(r);
	for (size_t i = 0; i < m->n_line; i++) {
		size_t f = cp_ids_find(&r->function_ids, m->line[i]->function_id);

		if (f == CP_IDS_NONE)
			return cp_reader_fail(
				r, "a line of location %lu names function %lu, which isn't there",
				m->id, m->line[i]->function_id);
		line[i].function = &r->p->functions[f];
		line[i].line = m->line[i]->line;
	}
	out->lines = line;
	out->nlines = (unsigned)m->n_line;
	return true;
}

static bool add_location(struct cp_reader *r, const unsigned char *data, size_t len)
{
	struct cp_location *out = &r->p->locations[r->p->nlocations];
	Pprof__Location *m = cp_reader_unpack(r, &pprof__location__descriptor, data, len);
	size_t mapping;

	if (!m || !add_id(r, &r->location_ids, m->id, "location") || !add_lines(r, m, out))
		return false;
	mapping = cp_ids_find(&r->mapping_ids, m->mapping_id);
	out->mapping = mapping == CP_IDS_NONE ? NULL : &r->p->mappings[mapping];
	out->address = m->address;
	out->folded = m->is_folded;
	r->p->nlocations++;
	return true;
}

bool cp_reader_tables(struct cp_reader *r)
{
	struct cp_profile *p = r->p;

	/* Not zeroed: each element is filled when its turn comes. */
	p->mappings = cp_take(&r->mem, r->count[CP_READER_MAPPING], sizeof(*p->mappings));
	p->functions = cp_take(&r->mem, r->count[CP_READER_FUNCTION], sizeof(*p->functions));
	p->locations = cp_take(&r->mem, r->count[CP_READER_LOCATION], sizeof(*p->locations));
	if (!p->mappings || !p->functions || !p->locations)
		return cp_reader_no_memory(r);
	return cp_reader_each(r, CP_READER_MAPPING, add_mapping) &&
	       cp_reader_each(r, CP_READER_FUNCTION, add_function) &&
	       cp_reader_each(r, CP_READER_LOCATION, add_location);
}
