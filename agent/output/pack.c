/* SPDX-License-Identifier: MIT */
/*
 * pack.c - packs samples, which are nine tenths of a profile, by hand
 *
 * Context  pure code, as pprof.h.
 * Holds    as pack.h; test/unit/test_pprof_write.c holds it against protobuf-c.
 */
#include "pack.h"

/* Tags of Sample's and Label's fields, as proto/profile.proto has them. */
enum {
	LOCATION_ID = 1 << 3 | 2, /* packed */
	VALUE = 2 << 3 | 2,	  /* packed */
	LABEL = 3 << 3 | 2,
	LABEL_KEY = 1 << 3,
	LABEL_STR = 2 << 3,
	LABEL_NUM = 3 << 3,
	LABEL_UNIT = 4 << 3,
};

static size_t numbers_size(const uint64_t *v, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += cp_pack_varint_size(v[i]);
	return size;
}

/* A field that holds `bytes` of something: none if there are none. */
static size_t part_size(size_t bytes)
{
	return bytes ? 1 + cp_pack_varint_size(bytes) + bytes : 0;
}

static size_t number_size(uint64_t v)
{
	return v ? 1 + cp_pack_varint_size(v) : 0;
}

static size_t label_size(const struct cp_pack_label *l)
{
	return number_size(l->key) + number_size(l->str) + number_size(l->num) +
	       number_size(l->unit);
}

size_t cp_pack_sample_size(struct cp_pack_sample *s)
{
	size_t size;

	s->location_bytes = numbers_size(s->locations, s->nlocations);
	s->value_bytes = numbers_size((const uint64_t *)s->values, s->nvalues);
	size = part_size(s->location_bytes) + part_size(s->value_bytes);
	for (size_t i = 0; i < s->nlabels; i++)
		size += part_size(label_size(&s->labels[i]));
	return size;
}

static unsigned char *put_numbers(unsigned char *out, unsigned char tag, const uint64_t *v,
				  size_t n, size_t bytes)
{
	if (!n)
		return out;
	*out++ = tag;
	out += cp_pack_varint(out, bytes);
	for (size_t i = 0; i < n; i++)
		out += cp_pack_varint(out, v[i]);
	return out;
}

static unsigned char *put_number(unsigned char *out, unsigned char tag, uint64_t v)
{
	if (!v)
		return out;
	*out++ = tag;
	return out + cp_pack_varint(out, v);
}

static unsigned char *put_label(unsigned char *out, const struct cp_pack_label *l)
{
	*out++ = LABEL;
	out += cp_pack_varint(out, label_size(l));
	out = put_number(out, LABEL_KEY, l->key);
	out = put_number(out, LABEL_STR, l->str);
	out = put_number(out, LABEL_NUM, l->num);
	return put_number(out, LABEL_UNIT, l->unit);
}

unsigned char *cp_pack_sample(unsigned char *out, const struct cp_pack_sample *s)
{
	out = put_numbers(out, LOCATION_ID, s->locations, s->nlocations, s->location_bytes);
	out = put_numbers(out, VALUE, (const uint64_t *)s->values, s->nvalues, s->value_bytes);
	for (size_t i = 0; i < s->nlabels; i++)
		out = put_label(out, &s->labels[i]);
	return out;
}
