/* SPDX-License-Identifier: MIT */
/*
 * gzip.c - bytes into one gzip member, streamed to a sink
 *
 * Context  pure code, as pprof.h; one thread.
 * Calls    zlib's deflate (level 1, as Go's profiles) with the given allocator
 *          for its memory: its own, malloc, is never reached.
 * Holds    len <= CP_GZIP_IN; err is 0 or the first error and never changes after.
 * Fails    see gzip.h
 */
#include "gzip.h"

#include "take.h"

#include <errno.h>
#include <zlib.h>

struct cp_gzip {
	z_stream zs;
	struct cp_sink sink;
	struct cp_alloc mem;
	int err;
	size_t len; /* bytes waiting in in[] */
	unsigned char in[CP_GZIP_IN];
	unsigned char out[CP_GZIP_OUT];
};

struct cp_gzip *cp_gzip_open(const struct cp_sink *sink, const struct cp_alloc *mem)
{
	struct cp_gzip *z = cp_take(mem, 1, sizeof(*z));

	if (!z)
		return NULL;
	z->sink = *sink;
	z->mem = *mem;
	z->err = 0;
	z->len = 0;
	z->zs = (z_stream){
		.zalloc = cp_take_for_zlib, .zfree = cp_give_from_zlib, .opaque = &z->mem};
	/* 15 + 16: the largest window, with gzip's header and checksum. */
	if (deflateInit2(&z->zs, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK)
		return z;
	cp_give(mem, z);
	return NULL;
}

/* Hands what deflate has put into out[] to the sink; never called after an error. */
static void drain(struct cp_gzip *z)
{
	size_t n = sizeof(z->out) - z->zs.avail_out;

	if (n)
		z->err = z->sink.write(z->sink.ctx, z->out, n);
}

static void pump(struct cp_gzip *z, const void *p, size_t n, int flush)
{
	z->zs.next_in = (Bytef *)p;
	z->zs.avail_in = (uInt)n;
	do {
		z->zs.next_out = z->out;
		z->zs.avail_out = sizeof(z->out);
		/* The stream state is ours alone: deflate can't fail on it. */
		deflate(&z->zs, flush);
		drain(z);
	} while (!z->zs.avail_out && !z->err);
}

static void flush_in(struct cp_gzip *z)
{
	if (z->len && !z->err)
		pump(z, z->in, z->len, Z_NO_FLUSH);
	z->len = 0;
}

unsigned char *cp_gzip_room(struct cp_gzip *z, size_t n)
{
	if (n > sizeof(z->in) - z->len)
		flush_in(z);
	return z->in + z->len;
}

void cp_gzip_filled(struct cp_gzip *z, size_t n)
{
	z->len += n;
}

void cp_gzip_write(struct cp_gzip *z, const void *p, size_t n)
{
	if (n <= sizeof(z->in)) {
		memcpy(cp_gzip_room(z, n), p, n);
		z->len += n;
		return;
	}
	flush_in(z);
	for (size_t part; n && !z->err; n -= part, p = (const char *)p + part) {
		part = CP_MIN(n, 1UL << 30); /* avail_in has 32 bits */
		pump(z, p, part, Z_NO_FLUSH);
	}
}

int cp_gzip_close(struct cp_gzip *z)
{
	struct cp_alloc mem = z->mem;
	int err;

	flush_in(z);
	if (!z->err)
		pump(z, NULL, 0, Z_FINISH);
	err = z->err;
	deflateEnd(&z->zs);
	cp_give(&mem, z);
	return err;
}
