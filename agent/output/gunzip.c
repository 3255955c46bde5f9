/* SPDX-License-Identifier: MIT */
/*
 * gunzip.c - a gzip file back into bytes, bounded
 *
 * Context  pure code, as pprof.h; the input is not trusted.
 * Calls    zlib's inflate, with the given allocator for its memory.
 * Holds    out never grows past max + 1 bytes: the one more tells a file that
 *          just fits from one that doesn't.
 * Fails    A sentence for people.
 * Why      All members are unpacked, as Go does: that two profiles stand one
 *          after the other is then found by whoever reads the bytes.
 */
#include "gzip.h"

#include "take.h"

#include <zlib.h>

struct gunzip {
	z_stream zs;
	struct cp_alloc mem;
	const unsigned char *in; /* what inflate hasn't been shown yet */
	size_t in_left;
	unsigned char *out;
	size_t cap, max;
	size_t len; /* filled by inflate */
};

bool cp_gzip_is(const void *data, size_t size)
{
	const unsigned char *p = data;

	return size >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* A first guess: the length at the file's end, if deflate could have reached it. */
static size_t first_size(const unsigned char *p, size_t size, size_t max)
{
	size_t said = 0;

	if (size >= 18)
		said = p[size - 4] | p[size - 3] << 8 | p[size - 2] << 16 |
		       (size_t)p[size - 1] << 24;
	if (said / 1032 > size)
		said = 0;
	return CP_MIN(CP_MAX(said, size) + 1, max + 1);
}

static const char *more_room(struct gunzip *g)
{
	size_t cap = CP_MIN(g->cap > g->max / 2 ? g->max + 1 : g->cap * 2, g->max + 1);
	unsigned char *out;

	if (g->cap > g->max)
		return "it unpacks to more than the size limit";
	out = cp_take(&g->mem, cap, 1);
	if (!out)
		return "not enough memory to unpack it";
	memcpy(out, g->out, g->len);
	cp_give(&g->mem, g->out);
	g->out = out;
	g->cap = cap;
	return NULL;
}

static const char *what_is_wrong(int ret)
{
	switch (ret) {
	case Z_OK:
	case Z_STREAM_END:
		return NULL;
	case Z_BUF_ERROR:
		return "it is cut off: the gzip data ends too early";
	case Z_MEM_ERROR:
		return "not enough memory to unpack it";
	default:
		return "its gzip data is damaged";
	}
}

/* One call of inflate, with as much input and room as fit its 32-bit counters. */
static int step(struct gunzip *g)
{
	uInt shown = (uInt)CP_MIN(g->in_left, 1UL << 30);
	uInt room = (uInt)CP_MIN(g->cap - g->len, 1UL << 30);
	int ret;

	g->zs.next_in = (Bytef *)g->in;
	g->zs.avail_in = shown;
	g->zs.next_out = g->out + g->len;
	g->zs.avail_out = room;
	ret = inflate(&g->zs, Z_NO_FLUSH);
	g->in += shown - g->zs.avail_in;
	g->in_left -= shown - g->zs.avail_in;
	g->len += room - g->zs.avail_out;
	return ret;
}

/* One member, from its header to its checksum. */
static const char *member(struct gunzip *g)
{
	const char *why = NULL;
	int ret = Z_OK;

	while (ret != Z_STREAM_END) {
		if (g->len == g->cap && (why = more_room(g)))
			return why;
		ret = step(g);
		why = what_is_wrong(ret);
		if (why)
			return why;
	}
	return NULL;
}

static const char *all_members(struct gunzip *g)
{
	const char *why;

	do {
		why = member(g);
		if (!why && g->in_left && !cp_gzip_is(g->in, g->in_left))
			why = "there is something else after its gzip data";
		inflateReset(&g->zs);
	} while (!why && g->in_left);
	if (!why && g->len > g->max)
		why = "it unpacks to more than the size limit";
	return why;
}

const char *cp_gzip_unpack(const void *data, size_t size, size_t max, const struct cp_alloc *mem,
			   unsigned char **out, size_t *out_size)
{
	struct gunzip g = {.mem = *mem, .in = data, .in_left = size};
	const char *why = "not enough memory to unpack it";

	g.max = CP_MIN(max, SIZE_MAX / 4);
	g.cap = first_size(data, size, g.max);
	g.zs = (z_stream){.zalloc = cp_take_for_zlib, .zfree = cp_give_from_zlib, .opaque = &g.mem};
	g.out = cp_take(mem, g.cap, 1);
	if (g.out && inflateInit2(&g.zs, 15 + 16) == Z_OK) {
		why = all_members(&g);
		inflateEnd(&g.zs);
	}
	if (why)
		cp_give(mem, g.out);
	*out = g.out;
	*out_size = g.len;
	return why;
}
