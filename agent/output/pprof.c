/* SPDX-License-Identifier: MIT */
/*
 * pprof.c - writes a profile in pprof's format, streamed
 *
 * Context  pure code, as pprof.h; one writer, one thread.
 * Calls    protobuf-c: only the functions that measure and pack a message into
 *          given room; they allocate nothing. Samples go through pack.h instead,
 *          for speed. zlib through gzip.h.
 * Holds    A string goes out the moment it gets its index, so entries of the
 *          string table stand in index order; the order of a message's fields
 *          is free, so other messages may stand between them.
 * Fails    see pprof.h
 * Why      Nothing but fingerprints of strings and functions is kept: 24 bytes
 *          each, whatever their length, so a snapshot costs little memory and
 *          callers may hand in strings from scratch memory.
 */
#include "pprof.h"

#include "gzip.h"
#include "idtab.h"
#include "pack.h"
#include "profile.pb-c.h"
#include "take.h"
#include "utf8.h"

#include <errno.h>

/* Field numbers of Profile, as proto/profile.proto has them: its sub-messages and
 * strings are framed here, one by one, and packed by protobuf-c. */
enum field { SAMPLE = 2, MAPPING = 3, LOCATION = 4, FUNCTION = 5, STRING = 6 };
#define LENGTH_DELIMITED 2
#define FRAME_MAX	 11 /* a tag of one byte, a length of at most ten */

struct cp_pprof {
	struct cp_alloc mem;
	struct cp_gzip *gz;
	int err;
	unsigned ntypes;
	struct cp_idtab strings, functions;
	uint64_t mappings, locations; /* ids handed out */
	/* Scratch, grown to the largest message seen. */
	void *text, *big, *parts, *part_list;
	size_t text_cap, big_cap, parts_cap, part_list_cap;
};

static void fail(struct cp_pprof *p, int err)
{
	if (!p->err)
		p->err = err;
}

static size_t frame(unsigned char *out, enum field field, uint64_t len)
{
	out[0] = (unsigned char)(field << 3 | LENGTH_DELIMITED);
	return 1 + cp_pack_varint(out + 1, len);
}

/* --- strings ----------------------------------------------------------- */

static void write_string(struct cp_pprof *p, const char *s, size_t n)
{
	unsigned char *room = cp_gzip_room(p->gz, FRAME_MAX);

	cp_gzip_filled(p->gz, frame(room, STRING, n));
	cp_gzip_write(p->gz, s, n);
}

static const char *cleaned(struct cp_pprof *p, const char *s, size_t *n)
{
	if (!cp_take_room(&p->mem, &p->text, &p->text_cap, *n, 4)) {
		fail(p, -ENOMEM);
		return NULL;
	}
	*n = cp_utf8_clean(s, *n, p->text);
	return p->text;
}

/* The index of s[0..n); it goes out when it is new. */
static int64_t intern(struct cp_pprof *p, const char *s, size_t n)
{
	struct cp_hash h = cp_hash_start(p->strings.seed);
	uint32_t index;
	bool fresh;

	if (p->err)
		return 0;
	if (cp_utf8_valid(s, n) < n && !(s = cleaned(p, s, &n)))
		return 0;
	cp_hash_bytes(&h, s, n);
	index = cp_idtab_put(&p->strings, h, &fresh);
	if (index == CP_IDTAB_FULL) {
		fail(p, -ENOMEM);
		return 0;
	}
	if (fresh)
		write_string(p, s, n);
	return index;
}

static int64_t string(struct cp_pprof *p, const char *s)
{
	return s && *s ? intern(p, s, strlen(s)) : 0;
}

/* --- messages ---------------------------------------------------------- */

/* Room for n packed bytes, and before them the frame of an entry of one of
 * Profile's repeated fields; field 0: no frame, the bytes are fields of Profile. */
static unsigned char *begin(struct cp_pprof *p, enum field field, size_t n)
{
	bool fits = n <= CP_GZIP_IN - FRAME_MAX;
	unsigned char *room;
	size_t head;

	if (!fits && !cp_take_room(&p->mem, &p->big, &p->big_cap, n, 1)) {
		fail(p, -ENOMEM);
		return NULL;
	}
	room = cp_gzip_room(p->gz, FRAME_MAX + (fits ? n : 0));
	head = field ? frame(room, field, n) : 0;
	cp_gzip_filled(p->gz, head);
	return fits ? room + head : p->big;
}

/* The room that begin gave is filled with n bytes. */
static void end(struct cp_pprof *p, const unsigned char *room, size_t n)
{
	if (room == p->big)
		cp_gzip_write(p->gz, room, n);
	else
		cp_gzip_filled(p->gz, n);
}

static void emit(struct cp_pprof *p, enum field field, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	unsigned char *room = begin(p, field, n);

	if (room)
		end(p, room, protobuf_c_message_pack(m, room));
}

/* Scratch for n elements; cap is in bytes, as elements differ from call to call. */
static bool room_for(struct cp_pprof *p, void **array, size_t *cap, size_t n, size_t size)
{
	if (n <= SIZE_MAX / size && cp_take_room(&p->mem, array, cap, n * size, 1))
		return true;
	fail(p, -ENOMEM);
	return false;
}

/* Scratch for n sub-messages of a message, and the list protobuf-c wants of them. */
static bool room_for_parts(struct cp_pprof *p, size_t n, size_t size)
{
	return room_for(p, &p->parts, &p->parts_cap, n, size) &&
	       room_for(p, &p->part_list, &p->part_list_cap, n, sizeof(void *));
}

static void pack_value_type(struct cp_pprof *p, Pprof__ValueType *out,
			    const struct cp_value_type *in)
{
	pprof__value_type__init(out);
	out->type = string(p, in->type);
	out->unit = string(p, in->unit);
}

static void put_types(struct cp_pprof *p, Pprof__Profile *m, const struct cp_pprof_head *head)
{
	Pprof__ValueType *type, **list;

	if (!room_for_parts(p, head->ntypes, sizeof(*type)))
		return;
	type = p->parts;
	list = p->part_list;
	for (unsigned i = 0; i < head->ntypes; i++) {
		pack_value_type(p, &type[i], &head->types[i]);
		list[i] = &type[i];
	}
	m->n_sample_type = head->ntypes;
	m->sample_type = list;
}

static int64_t *put_comments(struct cp_pprof *p, Pprof__Profile *m,
			     const struct cp_pprof_head *head)
{
	int64_t *comment = cp_take(&p->mem, head->ncomments, sizeof(*comment));

	if (!comment) {
		fail(p, -ENOMEM);
		return NULL;
	}
	for (unsigned i = 0; i < head->ncomments; i++)
		comment[i] = string(p, head->comments[i]);
	m->n_comment = head->ncomments;
	m->comment = comment;
	return comment;
}

static void put_head(struct cp_pprof *p, const struct cp_pprof_head *head)
{
	Pprof__Profile m = PPROF__PROFILE__INIT;
	Pprof__ValueType period_type;
	int64_t *comment;

	intern(p, "", 0); /* index 0, which string() takes for granted */
	put_types(p, &m, head);
	pack_value_type(p, &period_type, &head->period_type);
	if (period_type.type || period_type.unit)
		m.period_type = &period_type;
	m.period = head->period;
	m.time_nanos = head->time_ns;
	m.duration_nanos = head->duration_ns;
	m.default_sample_type = string(p, head->default_type);
	m.drop_frames = string(p, head->drop_frames);
	m.keep_frames = string(p, head->keep_frames);
	m.doc_url = string(p, head->doc_url);
	comment = put_comments(p, &m, head);
	if (!p->err)
		emit(p, 0, &m.base);
	cp_give(&p->mem, comment);
}

/* --- the calls --------------------------------------------------------- */

static void release(struct cp_pprof *p)
{
	struct cp_alloc mem = p->mem;

	cp_give(&mem, p->text);
	cp_give(&mem, p->big);
	cp_give(&mem, p->parts);
	cp_give(&mem, p->part_list);
	cp_idtab_fini(&p->strings);
	cp_idtab_fini(&p->functions);
	cp_give(&mem, p);
}

struct cp_pprof *cp_pprof_open(const struct cp_pprof_head *head, const struct cp_sink *sink,
			       const struct cp_alloc *mem)
{
	struct cp_pprof *p = cp_take_zeroed(mem, 1, sizeof(*p));

	if (!p)
		return NULL;
	p->mem = *mem;
	p->ntypes = head->ntypes;
	p->gz = cp_gzip_open(sink, mem);
	if (!p->gz || cp_idtab_init(&p->strings, mem) || cp_idtab_init(&p->functions, mem)) {
		p->err = -ENOMEM;
		if (p->gz)
			cp_gzip_close(p->gz);
		release(p);
		return NULL;
	}
	put_head(p, head);
	return p;
}

uint64_t cp_pprof_mapping(struct cp_pprof *p, const struct cp_pprof_mapping *m)
{
	Pprof__Mapping out = PPROF__MAPPING__INIT;

	if (!p)
		return 0;
	out.id = ++p->mappings;
	out.memory_start = m->start;
	out.memory_limit = m->limit;
	out.file_offset = m->offset;
	out.filename = string(p, m->file);
	out.build_id = string(p, m->build_id);
	out.has_functions = m->has_functions;
	out.has_filenames = m->has_filenames;
	out.has_line_numbers = m->has_lines;
	out.has_inline_frames = m->has_inlines;
	if (!p->err)
		emit(p, MAPPING, &out.base);
	return out.id;
}

static struct cp_hash function_hash(const struct cp_pprof *p, const Pprof__Function *f)
{
	struct cp_hash h = cp_hash_start(p->functions.seed);

	cp_hash_word(&h, (uint64_t)f->name);
	cp_hash_word(&h, (uint64_t)f->system_name);
	cp_hash_word(&h, (uint64_t)f->filename);
	cp_hash_word(&h, (uint64_t)f->start_line);
	return h;
}

uint64_t cp_pprof_function(struct cp_pprof *p, const char *name, const char *system_name,
			   const char *file, int64_t start_line)
{
	Pprof__Function out = PPROF__FUNCTION__INIT;
	uint32_t index;
	bool fresh;

	if (!p)
		return 0;
	out.name = string(p, name);
	out.system_name = string(p, system_name);
	out.filename = string(p, file);
	out.start_line = start_line;
	if (p->err)
		return 0;
	index = cp_idtab_put(&p->functions, function_hash(p, &out), &fresh);
	if (index == CP_IDTAB_FULL) {
		fail(p, -ENOMEM);
		return 0;
	}
	out.id = (uint64_t)index + 1;
	if (fresh)
		emit(p, FUNCTION, &out.base);
	return out.id;
}

uint64_t cp_pprof_location(struct cp_pprof *p, uint64_t mapping, uint64_t address,
			   const struct cp_pprof_line *lines, unsigned nlines)
{
	return cp_pprof_location_folded(p, mapping, address, lines, nlines, false);
}

uint64_t cp_pprof_location_folded(struct cp_pprof *p, uint64_t mapping, uint64_t address,
				  const struct cp_pprof_line *lines, unsigned nlines, bool folded)
{
	Pprof__Location out = PPROF__LOCATION__INIT;
	Pprof__Line *line, **list;

	if (!p)
		return 0;
	out.id = ++p->locations;
	if (p->err || !room_for_parts(p, nlines, sizeof(*line)))
		return out.id;
	line = p->parts;
	list = p->part_list;
	for (unsigned i = 0; i < nlines; i++) {
		pprof__line__init(&line[i]);
		line[i].function_id = lines[i].function;
		line[i].line = lines[i].line;
		list[i] = &line[i];
	}
	out.mapping_id = mapping;
	out.address = address;
	out.n_line = nlines;
	out.line = list;
	out.is_folded = folded;
	emit(p, LOCATION, &out.base);
	return out.id;
}

/* False for a label that would read back as another one, or as none. */
static bool representable(const struct cp_pprof_label *l)
{
	if (!l->key || !l->key[0])
		return false;
	return l->str ? l->str[0] : l->num || (l->unit && l->unit[0]);
}

static size_t pack_labels(struct cp_pprof *p, struct cp_pack_label *out,
			  const struct cp_pprof_label *label, unsigned n)
{
	size_t k = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct cp_pprof_label *l = &label[i];

		if (!representable(l))
			continue;
		out[k++] = (struct cp_pack_label){
			.key = (uint64_t)string(p, l->key),
			.str = (uint64_t)string(p, l->str),
			.num = l->str ? 0 : (uint64_t)l->num,
			.unit = l->str ? 0 : (uint64_t)string(p, l->unit),
		};
	}
	return k;
}

void cp_pprof_sample(struct cp_pprof *p, const uint64_t *locations, unsigned nlocations,
		     const int64_t *values, const struct cp_pprof_label *labels, unsigned nlabels)
{
	struct cp_pack_sample s = {.locations = locations, .nlocations = nlocations};
	unsigned char *room;
	size_t n;

	if (!p || p->err ||
	    !room_for(p, &p->parts, &p->parts_cap, nlabels, sizeof(struct cp_pack_label)))
		return;
	s.values = values;
	s.nvalues = p->ntypes;
	s.labels = p->parts;
	s.nlabels = pack_labels(p, p->parts, labels, nlabels);
	n = cp_pack_sample_size(&s);
	room = p->err ? NULL : begin(p, SAMPLE, n);
	if (room) {
		cp_pack_sample(room, &s);
		end(p, room, n);
	}
}

int cp_pprof_close(struct cp_pprof *p)
{
	int written, err;

	if (!p)
		return -ENOMEM;
	written = cp_gzip_close(p->gz);
	err = p->err ? p->err : written;
	release(p);
	return err;
}
