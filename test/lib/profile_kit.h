/* SPDX-License-Identifier: MIT */
/*
 * profile_kit.h - memory and sinks that tests of agent/output can break at will
 *
 * Context  TEST
 * Holds    live = bytes taken and not given back; peak is its maximum.
 */
#ifndef CP_TEST_PROFILE_KIT_H
#define CP_TEST_PROFILE_KIT_H

#include "agent/output/profile.h"

#include <stdlib.h>
#include <string.h>

struct kit_block {
	struct kit_block *next, *prev;
	size_t size;
	_Alignas(16) char bytes[];
};

struct kit_mem {
	struct kit_block *blocks;
	size_t live, peak, calls;
	size_t limit;	/* live bytes, 0: none */
	size_t fail_at; /* this call, counted from 1, and every later one fails; 0: none */
	bool once;	/* only that one */
};

static inline void *kit_take(void *ctx, size_t size)
{
	struct kit_mem *m = ctx;
	struct kit_block *b;

	m->calls++;
	if (m->fail_at && (m->once ? m->calls == m->fail_at : m->calls >= m->fail_at))
		return NULL;
	if (m->limit && (size > m->limit || m->live > m->limit - size))
		return NULL;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	memset(b->bytes, 0xa5, CP_MIN(size, 256UL)); /* nobody may count on zeroes */
	b->size = size;
	b->prev = NULL;
	b->next = m->blocks;
	if (b->next)
		b->next->prev = b;
	m->blocks = b;
	m->live += size;
	m->peak = CP_MAX(m->peak, m->live);
	return b->bytes;
}

static inline void kit_give(void *ctx, void *p)
{
	struct kit_mem *m = ctx;
	struct kit_block *b = (struct kit_block *)((char *)p - offsetof(struct kit_block, bytes));

	m->live -= b->size;
	if (b->next)
		b->next->prev = b->prev;
	if (b->prev)
		b->prev->next = b->next;
	else
		m->blocks = b->next;
	free(b);
}

static inline struct cp_alloc kit_alloc(struct kit_mem *m)
{
	return (struct cp_alloc){kit_take, kit_give, m};
}

static inline void kit_release(struct kit_mem *m)
{
	while (m->blocks)
		kit_give(m, m->blocks->bytes);
}

struct kit_bytes {
	unsigned char *p;
	size_t len, cap;
	size_t fail_after; /* bytes; 0: never */
	int err;	   /* what the failing write answers */
	unsigned failures;
};

static inline int kit_write(void *ctx, const void *buf, size_t n)
{
	struct kit_bytes *b = ctx;

	if (b->fail_after && b->len + n > b->fail_after) {
		b->failures++;
		return b->err;
	}
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2;
		b->p = realloc(b->p, b->cap);
	}
	memcpy(b->p + b->len, buf, n);
	b->len += n;
	return 0;
}

static inline struct cp_sink kit_sink(struct kit_bytes *b)
{
	return (struct cp_sink){kit_write, b};
}

/* --- raw protobuf, right or wrong on purpose ---------------------------- */

static inline void kit_varint(struct kit_bytes *b, uint64_t v)
{
	unsigned char c;

	do {
		c = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		kit_write(b, &c, 1);
		v >>= 7;
	} while (v);
}

static inline void kit_number(struct kit_bytes *b, unsigned field, uint64_t v)
{
	kit_varint(b, field << 3);
	kit_varint(b, v);
}

static inline void kit_part(struct kit_bytes *b, unsigned field, const void *p, size_t n)
{
	kit_varint(b, field << 3 | 2);
	kit_varint(b, n);
	kit_write(b, p, n);
}

/* A sub-message of numbers only: field, value, field, value, ..., field 0 ends. */
static inline void kit_message(struct kit_bytes *b, unsigned field, const uint64_t *fv)
{
	struct kit_bytes m = {0};

	for (; fv[0]; fv += 2)
		kit_number(&m, (unsigned)fv[0], fv[1]);
	kit_part(b, field, m.p, m.len);
	free(m.p);
}
#define KIT_MESSAGE(b, field, ...) kit_message(b, field, (const uint64_t[]){__VA_ARGS__, 0, 0})

#endif
