/* SPDX-License-Identifier: MIT */
/*
 * profile_scan.c - the outermost message: what there is, its strings and its head
 *
 * Context  pure code, as profile_reader.h; the bytes are not trusted.
 * Calls    protobuf-c's unpack, utf8.h.
 * Holds    After the scan: every field up to the last byte can be stepped over,
 *          and those we know have the right wire type; so the later walks need
 *          not look for errors there.
 * Fails    see profile.h
 */
#include "profile_reader.h"

#include "profile.pb-c.h"
#include "take.h"
#include "utf8.h"

static bool is_number(uint64_t field)
{
	switch (field) {
	case CP_READER_DROP_FRAMES:
	case CP_READER_KEEP_FRAMES:
	case CP_READER_TIME:
	case CP_READER_DURATION:
	case CP_READER_PERIOD:
	case CP_READER_DEFAULT_TYPE:
	case CP_READER_DOC_URL:
		return true;
	default:
		return false;
	}
}

/* Packed numbers: how many, or -1 if they can't be stepped through. */
static int64_t count_packed(const struct cp_wire_field *f)
{
	struct cp_wire w = {f->data, f->data + f->len};
	int64_t n = 0;
	uint64_t v;

	for (; w.p < w.end; n++) {
		if (!cp_wire_varint(&w, &v))
			return -1;
	}
	return n;
}

/* Comments are numbers that come one by one, or many in one field. */
static bool count_comments(struct cp_reader *r, const struct cp_wire_field *f)
{
	int64_t n = f->type == CP_WIRE_BYTES ? count_packed(f) : 1;

	if (n < 0 || (f->type != CP_WIRE_VARINT && f->type != CP_WIRE_BYTES))
		return cp_reader_fail(r, "it is not a pprof profile: its comments can't be read");
	r->count[CP_READER_COMMENT] += (uint64_t)n;
	return true;
}

static bool scan_field(struct cp_reader *r, const struct cp_wire_field *f)
{
	enum cp_wire_type want = is_number(f->number) ? CP_WIRE_VARINT : CP_WIRE_BYTES;

	if (!f->number || f->number >= CP_READER_FIELDS)
		return true;
	if (f->number == CP_READER_COMMENT)
		return count_comments(r, f);
	if (f->type != want)
		return cp_reader_fail(r, "it is not a pprof profile: field %lu has the wrong type",
				      f->number);
	if (f->number == CP_READER_TIME && r->scalar[CP_READER_TIME])
		return cp_reader_fail(r, "it holds two profiles, one after the other: "
					 "give them as two files");
	r->count[f->number]++;
	r->scalar[f->number] = f->value;
	if (f->number == CP_READER_STRING)
		r->text_bytes += f->len;
	return true;
}

bool cp_reader_scan(struct cp_reader *r)
{
	struct cp_wire w = r->bytes;
	struct cp_wire_field f;

	while (cp_wire_next(&w, &f)) {
		if (!scan_field(r, &f))
			return false;
	}
	if (w.p == w.end)
		return true;
	if (w.p == r->bytes.p)
		return cp_reader_fail(r, "it is not a pprof profile");
	return cp_reader_fail(r,
			      "it is not a pprof profile, or cut off: "
			      "byte %lu of %lu begins no field",
			      (uint64_t)(w.p - r->bytes.p), (uint64_t)(r->bytes.end - r->bytes.p));
}

/* --- strings ----------------------------------------------------------- */

bool cp_reader_strings(struct cp_reader *r)
{
	size_t n = r->count[CP_READER_STRING], i = 0;
	char *text = cp_take(&r->mem, r->text_bytes + n, 1);
	struct cp_wire w = r->bytes;
	struct cp_wire_field f;

	r->strings = cp_take(&r->mem, n, sizeof(*r->strings));
	if (!text || !r->strings)
		return cp_reader_no_memory(r);
	while (cp_wire_next(&w, &f)) {
		char *clean = text;
		size_t len = f.len;

		if (f.number != CP_READER_STRING)
			continue;
		if (cp_utf8_valid((const char *)f.data, len) == len)
			memcpy(text, f.data, len);
		else if ((clean = cp_take(&r->mem, 4 * len + 1, 1)))
			len = cp_utf8_clean((const char *)f.data, len, clean);
		else
			return cp_reader_no_memory(r);
		clean[len] = 0;
		text += clean == text ? len + 1 : 0;
		r->strings[i++] = clean;
	}
	if (!n || r->strings[0][0])
		return cp_reader_fail(r, "it is not a pprof profile: "
					 "its string table doesn't begin with \"\"");
	return true;
}

/* --- head -------------------------------------------------------------- */

static bool read_value_type(struct cp_reader *r, const unsigned char *data, size_t len,
			    struct cp_value_type *out)
{
	Pprof__ValueType *m = cp_reader_unpack(r, &pprof__value_type__descriptor, data, len);

	return m && cp_reader_string(r, m->type, &out->type) &&
	       cp_reader_string(r, m->unit, &out->unit);
}

static bool add_sample_type(struct cp_reader *r, const unsigned char *data, size_t len)
{
	struct cp_pprof_head *head = &r->p->head;

	return read_value_type(r, data, len, (struct cp_value_type *)&head->types[head->ntypes++]);
}

static bool set_period_type(struct cp_reader *r, const unsigned char *data, size_t len)
{
	return read_value_type(r, data, len, &r->p->head.period_type);
}

static bool add_comment(struct cp_reader *r, uint64_t index)
{
	struct cp_pprof_head *head = &r->p->head;

	return cp_reader_string(r, (int64_t)index,
				(const char **)&head->comments[head->ncomments++]);
}

static bool read_comments(struct cp_reader *r)
{
	struct cp_wire w = r->bytes;
	struct cp_wire_field f;

	while (cp_wire_next(&w, &f)) {
		struct cp_wire packed = {f.data, f.data + f.len};
		uint64_t index;

		if (f.number != CP_READER_COMMENT)
			continue;
		if (f.type == CP_WIRE_VARINT && !add_comment(r, f.value))
			return false;
		while (f.type == CP_WIRE_BYTES && cp_wire_varint(&packed, &index)) {
			if (!add_comment(r, index))
				return false;
		}
	}
	return true;
}

/* A string of the head: NULL where it is absent. */
static bool head_string(struct cp_reader *r, enum cp_reader_field field, const char **s)
{
	if (!cp_reader_string(r, (int64_t)r->scalar[field], s))
		return false;
	if (!**s)
		*s = NULL;
	return true;
}

bool cp_reader_head(struct cp_reader *r)
{
	struct cp_pprof_head *head = &r->p->head;

	if (!r->count[CP_READER_SAMPLE_TYPE])
		return cp_reader_fail(r, "it has no sample types, so it holds no profile");
	if (r->count[CP_READER_SAMPLE_TYPE] > UINT32_MAX ||
	    r->count[CP_READER_COMMENT] > UINT32_MAX)
		return cp_reader_fail(r, "it has too many sample types or comments");
	head->types = cp_reader_take(r, r->count[CP_READER_SAMPLE_TYPE], sizeof(*head->types));
	head->comments = cp_reader_take(r, r->count[CP_READER_COMMENT], sizeof(*head->comments));
	if (!head->types || !head->comments)
		return false;
	head->period_type = (struct cp_value_type){"", ""};
	head->period = (int64_t)r->scalar[CP_READER_PERIOD];
	head->time_ns = (int64_t)r->scalar[CP_READER_TIME];
	head->duration_ns = (int64_t)r->scalar[CP_READER_DURATION];
	return cp_reader_each(r, CP_READER_SAMPLE_TYPE, add_sample_type) &&
	       cp_reader_each(r, CP_READER_PERIOD_TYPE, set_period_type) && read_comments(r) &&
	       head_string(r, CP_READER_DEFAULT_TYPE, &head->default_type) &&
	       head_string(r, CP_READER_DROP_FRAMES, &head->drop_frames) &&
	       head_string(r, CP_READER_KEEP_FRAMES, &head->keep_frames) &&
	       head_string(r, CP_READER_DOC_URL, &head->doc_url);
}
