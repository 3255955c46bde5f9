/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - memory for one unpacked message after the other
 *
 * Context  pure code, as pprof.h.
 * Fails    NULL, and `failed` stays set: so a caller can tell that memory ran out
 *          from a message that is wrong, which protobuf-c answers alike.
 */
#ifndef CP_OUTPUT_SCRATCH_H
#define CP_OUTPUT_SCRATCH_H

#include "pprof.h"

#include <protobuf-c/protobuf-c.h>

struct cp_scratch_block;

struct cp_scratch {
	struct cp_alloc mem;
	struct cp_scratch_block *blocks; /* newest, and largest, first */
	size_t used;			 /* of the newest */
	bool failed;
	ProtobufCAllocator for_protobuf;
};

void cp_scratch_init(struct cp_scratch *s, const struct cp_alloc *mem);
void *cp_scratch_alloc(struct cp_scratch *s, size_t size);
/* Everything handed out is void; the largest block stays for the next message. */
void cp_scratch_reset(struct cp_scratch *s);
void cp_scratch_fini(struct cp_scratch *s);

#endif
