/* SPDX-License-Identifier: MIT */
/*
 * symcache.c - the answers given so far, and their strings, each once
 *
 * Context  CONTROL, one thread at a time
 * Calls    rt only; sample/module.h tells frames apart.
 * Shared   nothing.
 * Holds    One block of memory: an open table frame -> answer, an open table hash ->
 *          bytes (strings and answers alike: frames of one function share one), and
 *          the bytes, handed out from its front. Tables stay at most 3/4 full.
 *          All zero is an empty cache, and that is what a forked child finds: the
 *          fork may have come in the middle of a change.
 * Fails    see symcache.h
 */
#include "symcache.h"

#include "../sample/module.h"

#include <errno.h>
#include <string.h>

#define HEAD	    64UL /* room for struct head */
#define FIRST_BYTES 16UL
#define SIZE_LIMIT  (4UL << 30) /* bytes are numbered in 32 bits */

struct answer {
	cp_frame frame; /* 0: free */
	const struct cp_symbol *symbol;
};

struct blob {
	uint32_t hash;
	uint32_t offset; /* into st.bytes; 0: free */
};

struct head {
	size_t answers_used, blobs_used;
	size_t used; /* of bytes; the first are not handed out */
};

static struct {
	struct head *head;
	struct answer *answers;
	struct blob *blobs;
	char *bytes;
	size_t answer_mask, blob_mask, size;
} st;

static size_t power_of_two_below(size_t n)
{
	return n ? (size_t)1 << (63 - __builtin_clzll(n)) : 0;
}

int cp_symcache_init(size_t share)
{
	size_t size = CP_MIN(share, SIZE_LIMIT);
	size_t answers = power_of_two_below(size / 4 / sizeof(struct answer));
	size_t blobs = power_of_two_below(size / 8 / sizeof(struct blob));
	size_t tables = HEAD + answers * sizeof(struct answer) + blobs * sizeof(struct blob);
	char *p;

	if (!answers || !blobs)
		return -EINVAL;
	p = cp_mem_wiped(size);
	if (!p)
		return -ENOMEM;
	st.head = (struct head *)p;
	st.answers = (struct answer *)(p + HEAD);
	st.blobs = (struct blob *)(p + HEAD + answers * sizeof(struct answer));
	st.bytes = p + tables;
	st.answer_mask = answers - 1;
	st.blob_mask = blobs - 1;
	st.size = size - tables;
	return 0;
}

static size_t frame_hash(cp_frame f)
{
	return (size_t)((f * 0x9e3779b97f4a7c15ULL) >> 20);
}

static uint32_t bytes_hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
	return (uint32_t)(h ^ h >> 32);
}

static struct answer *answer_slot(cp_frame f)
{
	size_t i = frame_hash(f) & st.answer_mask;

	while (st.answers[i].frame && st.answers[i].frame != f)
		i = (i + 1) & st.answer_mask;
	return &st.answers[i];
}

const struct cp_symbol *cp_symcache_find(cp_frame f)
{
	return st.answers && f ? answer_slot(f)->symbol : NULL;
}

/* What lies at an offset: its length in front, so that no one reads on past it. */
static bool same_bytes(const struct blob *b, uint32_t hash, const void *p, size_t len)
{
	size_t have;

	if (b->hash != hash)
		return false;
	memcpy(&have, st.bytes + b->offset, sizeof(have));
	return have == len && !memcmp(st.bytes + b->offset + sizeof(have), p, len);
}

static const char *add_blob(struct blob *b, uint32_t hash, const void *p, size_t len)
{
	size_t need = CP_ALIGN_UP(sizeof(len) + len + 1, 8UL);
	struct head *head = st.head;

	head->used = CP_MAX(head->used, FIRST_BYTES);
	if (need > st.size - head->used || head->blobs_used >= st.blob_mask / 4 * 3)
		return NULL;
	b->hash = hash;
	b->offset = (uint32_t)head->used;
	memcpy(st.bytes + b->offset, &len, sizeof(len));
	memcpy(st.bytes + b->offset + sizeof(len), p, len);
	head->used += need;
	head->blobs_used++;
	return st.bytes + b->offset + sizeof(len);
}

static const char *intern(const void *p, size_t len)
{
	uint32_t hash = bytes_hash(p, len);
	size_t i = hash & st.blob_mask;

	if (!st.blobs)
		return NULL;
	while (st.blobs[i].offset && !same_bytes(&st.blobs[i], hash, p, len))
		i = (i + 1) & st.blob_mask;
	if (st.blobs[i].offset)
		return st.bytes + st.blobs[i].offset + sizeof(size_t);
	return add_blob(&st.blobs[i], hash, p, len);
}

const char *cp_symcache_string(struct cp_arena *job, const char *s, size_t len)
{
	const char *known = intern(s, len);

	return known ? known : cp_arena_strdup(job, s, len);
}

static bool ours(const char *s)
{
	return !s || (s >= st.bytes && s < st.bytes + st.size);
}

static const struct cp_symbol *keep(cp_frame f, const struct cp_symbol *s, size_t size)
{
	const struct cp_symbol *copy;
	struct answer *a;

	for (unsigned i = 0; i < s->nlines; i++)
		if (!ours(s->line[i].name) || !ours(s->line[i].mangled) || !ours(s->line[i].file))
			return NULL;
	if (!f)
		return NULL;
	a = answer_slot(f);
	if (!a->frame && st.head->answers_used >= st.answer_mask / 4 * 3)
		return NULL;
	copy = (const struct cp_symbol *)intern(s, size);
	if (!copy)
		return NULL;
	if (!a->frame)
		st.head->answers_used++;
	a->frame = f;
	a->symbol = copy;
	return copy;
}

const struct cp_symbol *cp_symcache_put(struct cp_arena *job, cp_frame f, const struct cp_symbol *s)
{
	size_t size = sizeof(*s) + s->nlines * sizeof(s->line[0]);
	const struct cp_symbol *known = keep(f, s, size);

	return known ? known
		     : (const struct cp_symbol *)cp_arena_strdup(job, (const char *)s, size);
}

void cp_symcache_forget_made(void)
{
	for (size_t i = 0; st.answers && i <= st.answer_mask; i++) {
		struct answer *a = &st.answers[i];

		if (a->symbol && cp_frame_module(a->frame) == CP_MODULE_NONE &&
		    a->symbol->provisional)
			a->symbol = NULL;
	}
}
