/* SPDX-License-Identifier: MIT */
/*
 * wire.h - steps through the fields of a protobuf message
 *
 * Context  pure code; the bytes are not trusted.
 * Holds    0 <= p <= end: nothing outside [p, end) is ever read.
 * Why      protobuf-c could unpack a whole profile only into one tree, several
 *          times its size; so the outermost message is walked here, and
 *          protobuf-c unpacks the sub-messages one at a time.
 */
#ifndef CP_OUTPUT_WIRE_H
#define CP_OUTPUT_WIRE_H

#include "../rt/base.h"

enum cp_wire_type { CP_WIRE_VARINT = 0, CP_WIRE_64 = 1, CP_WIRE_BYTES = 2, CP_WIRE_32 = 5 };

struct cp_wire {
	const unsigned char *p, *end;
};

struct cp_wire_field {
	uint64_t number;
	enum cp_wire_type type;
	uint64_t value;		   /* CP_WIRE_VARINT */
	const unsigned char *data; /* CP_WIRE_BYTES; else len is 0 */
	size_t len;
};

static inline bool cp_wire_varint(struct cp_wire *w, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 70 && w->p < w->end; shift += 7) {
		unsigned char c = *w->p++;

		if (shift == 63 && c > 1)
			return false; /* more than 64 bits */
		*v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

static inline bool cp_wire_skip(struct cp_wire *w, uint64_t n)
{
	if (n > (size_t)(w->end - w->p))
		return false;
	w->p += n;
	return true;
}

/* The next field; false at the end (w->p == w->end) and at bytes that are no field. */
static inline bool cp_wire_next(struct cp_wire *w, struct cp_wire_field *f)
{
	struct cp_wire at = *w;
	uint64_t tag;

	if (!cp_wire_varint(&at, &tag))
		return false;
	f->number = tag >> 3;
	f->type = tag & 7;
	f->value = 0;
	f->data = at.p;
	f->len = 0;
	switch (f->type) {
	case CP_WIRE_VARINT:
		if (!cp_wire_varint(&at, &f->value))
			return false;
		break;
	case CP_WIRE_BYTES:
		if (!cp_wire_varint(&at, &f->value))
			return false;
		f->data = at.p;
		f->len = f->value;
		if (!cp_wire_skip(&at, f->value))
			return false;
		break;
	case CP_WIRE_64:
		if (!cp_wire_skip(&at, 8))
			return false;
		break;
	case CP_WIRE_32:
		if (!cp_wire_skip(&at, 4))
			return false;
		break;
	default:
		return false;
	}
	w->p = at.p;
	return true;
}

#endif
