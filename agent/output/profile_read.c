/* SPDX-License-Identifier: MIT */
/*
 * profile_read.c - a pprof file into memory: the steps, and what they share
 *
 * Context  pure code, as profile.h; the bytes are not trusted.
 * Calls    gzip.h, protobuf-c (its own malloc is never reached: every unpack gets
 *          the scratch memory as its allocator), buf.h.
 * Holds    Each step relies on those before it alone: tables before samples, so
 *          that an id is resolved, or refused, the moment it is met.
 * Fails    see profile.h
 * Why      The outermost message is walked several times, once for each table it
 *          needs: tables may come in any order, and a walk costs nanoseconds a
 *          field.
 */
#include "profile_reader.h"

#include "../rt/buf.h"
#include "gzip.h"
#include "take.h"

#include <stdarg.h>

bool cp_reader_fail(struct cp_reader *r, const char *fmt, ...)
{
	char text[256];
	struct cp_buf b = CP_BUF(text);
	char *copy;
	va_list ap;

	if (r->why)
		return false;
	va_start(ap, fmt);
	cp_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	copy = cp_take(&r->mem, b.len + 1, 1);
	if (!copy)
		return cp_reader_no_memory(r);
	memcpy(copy, text, b.len + 1);
	r->why = copy;
	return false;
}

bool cp_reader_no_memory(struct cp_reader *r)
{
	if (!r->why)
		r->why = "not enough memory to read it";
	return false;
}

bool cp_reader_string(struct cp_reader *r, int64_t index, const char **s)
{
	uint64_t n = r->count[CP_READER_STRING];

	if ((uint64_t)index >= n)
		return cp_reader_fail(r,
				      "it names string %ld, but its string table has %lu entries",
				      (long)index, n);
	*s = r->strings[index];
	return true;
}

void *cp_reader_take(struct cp_reader *r, size_t n, size_t size)
{
	void *p = cp_take_zeroed(&r->mem, n, size);

	if (!p)
		cp_reader_no_memory(r);
	return p;
}

bool cp_reader_each(struct cp_reader *r, enum cp_reader_field field, cp_reader_step *step)
{
	struct cp_wire w = r->bytes;
	struct cp_wire_field f;

	while (cp_wire_next(&w, &f)) {
		if (f.number == field && !step(r, f.data, f.len))
			return false;
	}
	return true;
}

void *cp_reader_unpack(struct cp_reader *r, const ProtobufCMessageDescriptor *type,
		       const unsigned char *data, size_t len)
{
	void *m;

	cp_scratch_reset(&r->scratch);
	m = protobuf_c_message_unpack(type, &r->scratch.for_protobuf, len, data);
	if (!m && r->scratch.failed)
		cp_reader_no_memory(r);
	else if (!m)
		cp_reader_fail(r, "it is damaged: %s at byte %lu can't be decoded",
			       type->short_name, (uint64_t)(data - r->bytes.p));
	return m;
}

static bool read_all(struct cp_reader *r)
{
	r->p = cp_reader_take(r, 1, sizeof(*r->p));
	return r->p && cp_reader_scan(r) && cp_reader_strings(r) && cp_reader_head(r) &&
	       cp_reader_tables(r) && cp_reader_samples(r);
}

/* Reads proto bytes; on success the profile is in r->p, else the reason in r->why. */
static void read_message(struct cp_reader *r, const unsigned char *data, size_t size)
{
	r->bytes = (struct cp_wire){data, data + size};
	cp_scratch_init(&r->scratch, &r->mem);
	cp_ids_init(&r->mapping_ids, &r->mem);
	cp_ids_init(&r->function_ids, &r->mem);
	cp_ids_init(&r->location_ids, &r->mem);
	read_all(r);
	cp_ids_fini(&r->mapping_ids);
	cp_ids_fini(&r->function_ids);
	cp_ids_fini(&r->location_ids);
	cp_scratch_fini(&r->scratch);
	cp_give(&r->mem, r->strings);
}

struct cp_profile *cp_profile_read(const void *data, size_t size, size_t max_size,
				   const struct cp_alloc *mem, const char **why)
{
	struct cp_reader r = {.mem = *mem};
	unsigned char *unpacked = NULL;
	size_t n = size;

	if (!size)
		r.why = "it is empty";
	else if (cp_gzip_is(data, size))
		r.why = cp_gzip_unpack(data, size, max_size, mem, &unpacked, &n);
	else if (size > max_size)
		r.why = "it is larger than the size limit";
	if (!r.why && !n)
		r.why = "it is empty: a gzip file of nothing";
	if (!r.why) {
		read_message(&r, unpacked ? unpacked : data, n);
		cp_give(mem, unpacked);
	}
	*why = r.why;
	return r.why ? NULL : r.p;
}
