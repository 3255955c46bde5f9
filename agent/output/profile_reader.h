/* SPDX-License-Identifier: MIT */
/*
 * profile_reader.h - what the steps of reading a profile share
 *
 * Context  pure code, as profile.h; only the profile_*.c that read include it.
 * Holds    Each step answers true, or false with `why` set; the first reason stays.
 */
#ifndef CP_OUTPUT_PROFILE_READER_H
#define CP_OUTPUT_PROFILE_READER_H

#include "ids.h"
#include "profile.h"
#include "scratch.h"
#include "wire.h"

/* Field numbers of Profile, as proto/profile.proto has them. */
enum cp_reader_field {
	CP_READER_SAMPLE_TYPE = 1,
	CP_READER_SAMPLE,
	CP_READER_MAPPING,
	CP_READER_LOCATION,
	CP_READER_FUNCTION,
	CP_READER_STRING,
	CP_READER_DROP_FRAMES,
	CP_READER_KEEP_FRAMES,
	CP_READER_TIME,
	CP_READER_DURATION,
	CP_READER_PERIOD_TYPE,
	CP_READER_PERIOD,
	CP_READER_COMMENT,
	CP_READER_DEFAULT_TYPE,
	CP_READER_DOC_URL,
	CP_READER_FIELDS /* one more than the last */
};

struct cp_reader {
	struct cp_alloc mem;
	const char *why;
	struct cp_wire bytes; /* the whole message */
	struct cp_profile *p;
	uint64_t count[CP_READER_FIELDS];  /* how often each field occurs */
	uint64_t scalar[CP_READER_FIELDS]; /* its last value, where it is a number */
	size_t text_bytes;		   /* all strings together */
	const char **strings;
	struct cp_ids mapping_ids, function_ids, location_ids;
	struct cp_scratch scratch; /* the message being unpacked */
};

/* Says why once; answers false, to be passed on. */
bool cp_reader_fail(struct cp_reader *r, const char *fmt, ...) CP_PRINTF(2, 3);
bool cp_reader_no_memory(struct cp_reader *r);
/* The string of an index; false when the table has none such. */
bool cp_reader_string(struct cp_reader *r, int64_t index, const char **s);
/* An array of n zeroed elements for the profile. */
void *cp_reader_take(struct cp_reader *r, size_t n, size_t size);

/* Calls step for each occurrence of a field that holds a message or a string. */
typedef bool cp_reader_step(struct cp_reader *r, const unsigned char *data, size_t len);
bool cp_reader_each(struct cp_reader *r, enum cp_reader_field field, cp_reader_step *step);
/* Unpacks a sub-message into the scratch memory; NULL, with why set, if it is wrong. */
void *cp_reader_unpack(struct cp_reader *r, const ProtobufCMessageDescriptor *type,
		       const unsigned char *data, size_t len);

/* The steps, in this order. */
bool cp_reader_scan(struct cp_reader *r);
bool cp_reader_strings(struct cp_reader *r);
bool cp_reader_head(struct cp_reader *r);
bool cp_reader_tables(struct cp_reader *r);
bool cp_reader_samples(struct cp_reader *r);

#endif
