/* SPDX-License-Identifier: MIT */
/*
 * gzip.h - bytes into one gzip member, and a gzip file back into bytes
 *
 * Context  pure code, as pprof.h. All memory, zlib's too, from the given allocator.
 * Fails    Writing: the first error (-errno) sticks. Reading: a sentence.
 */
#ifndef CP_OUTPUT_GZIP_H
#define CP_OUTPUT_GZIP_H

#include "pprof.h"

/* What a small message is packed into before it goes through deflate: big enough
 * that deflate's fixed cost per call vanishes. */
#define CP_GZIP_IN  (32U * 1024)
#define CP_GZIP_OUT (16U * 1024)

struct cp_gzip;

/* NULL: no memory. */
struct cp_gzip *cp_gzip_open(const struct cp_sink *sink, const struct cp_alloc *mem);
/* Room for n <= CP_GZIP_IN bytes, to be filled before the next call. After an error
 * too: what is put there then goes nowhere. */
unsigned char *cp_gzip_room(struct cp_gzip *z, size_t n);
/* Says that the room was filled with n bytes. */
void cp_gzip_filled(struct cp_gzip *z, size_t n);
/* Any number of bytes. */
void cp_gzip_write(struct cp_gzip *z, const void *p, size_t n);
/* Ends the member, gives all memory back; 0 or the first error. */
int cp_gzip_close(struct cp_gzip *z);

bool cp_gzip_is(const void *data, size_t size);
/* Unpacks all members of a gzip file to *out (given back by the caller, cp_give),
 * at most max bytes. NULL, or what is wrong with it. */
const char *cp_gzip_unpack(const void *data, size_t size, size_t max, const struct cp_alloc *mem,
			   unsigned char **out, size_t *out_size);

#endif
