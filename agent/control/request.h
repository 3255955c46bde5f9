/* SPDX-License-Identifier: MIT */
/*
 * request.h - what is asked of the agent, packed into a signal's value
 *
 * Context  ANY: pure.
 * Holds    A request is one 64-bit word, never 0:
 *              63..48  CP_REQUEST_MAGIC
 *              47..40  profiles wanted, one bit per enum cp_type; 0: all
 *              39..24  seconds: 0 the totals so far, else the difference over
 *                      that time from now
 *              23..0   nonce: each profile written for the request carries it
 *                      in a comment, request=xxxxxx (six hex digits); 0: none
 *          A signal without such a value asks for everything, without a nonce.
 * Why      sigqueue carries exactly one pointer: so no socket, no file and no
 *          descriptor is needed in the host to be asked something.
 */
#ifndef CP_CONTROL_REQUEST_H
#define CP_CONTROL_REQUEST_H

#include "../rt/base.h"

/* What a profile is of. The numbers are part of the request's format. */
enum cp_type {
	CP_TYPE_CPU = 0,
	CP_TYPE_HEAP = 1,
	CP_TYPE_ALLOCS = 2,
	CP_TYPE_MUTEX = 3,
	CP_TYPE_BLOCK = 4,
	CP_TYPE_THREADCREATE = 5,
	CP_TYPE_GOROUTINE = 6,
	CP_TYPES
};

#define CP_REQUEST_MAGIC       0xc9f0ULL
#define CP_REQUEST_MAX_SECONDS 0xffffU
#define CP_REQUEST_MAX_NONCE   0xffffffU

struct cp_request {
	uint8_t types; /* bits 1 << enum cp_type; 0: all */
	uint16_t seconds;
	uint32_t nonce;
};

CP_INLINE uint64_t cp_request_pack(struct cp_request r)
{
	return CP_REQUEST_MAGIC << 48 | (uint64_t)r.types << 40 | (uint64_t)r.seconds << 24 |
	       (r.nonce & CP_REQUEST_MAX_NONCE);
}

/* A word that is no request reads as the plain one. */
CP_INLINE struct cp_request cp_request_unpack(uint64_t word)
{
	struct cp_request r = {0, 0, 0};

	if (word >> 48 != CP_REQUEST_MAGIC)
		return r;
	r.types = (uint8_t)(word >> 40);
	r.seconds = (uint16_t)(word >> 24);
	r.nonce = (uint32_t)word & CP_REQUEST_MAX_NONCE;
	return r;
}

#endif
