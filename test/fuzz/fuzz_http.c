/* SPDX-License-Identifier: MIT */
/*
 * fuzz_http.c - any bytes as a connection's: heads, queries and bodies, in any pieces
 *
 * Context  TEST, libFuzzer
 * Holds    A head that is whole is the same whole head when more follows, and is never
 *          whole before its last byte; every slice lies in it; a body gives the same bytes
 *          in one piece or one by one, and never more than were sent.
 */
#include "agent/output/http_parse.h"
#include "agent/output/http_reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void inside(struct cp_slice s, const char *p, size_t n)
{
	demand(!s.n || (s.p >= p && s.p + s.n <= p + n));
}

static bool has_letter(struct cp_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr("0123456789.", s.p[i], 11))
			return true;
	return false;
}

static uint64_t hash_of(uint64_t h, struct cp_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = h * 1099511628211U + (unsigned char)s.p[i];
	return h;
}

/* Feeds a body in steps; what came out, and how much of it was taken. */
static uint64_t read_body(const struct cp_http_request *r, const char *p, size_t n, size_t step,
			  size_t *taken, bool *whole)
{
	struct cp_http_body b;
	uint64_t h = 7, out = 0;
	size_t at = 0;

	cp_http_body_start(&b, r);
	while (!cp_http_body_done(&b) && at < n) {
		size_t part = CP_MIN(step, n - at);
		struct cp_slice data;
		long k = cp_http_body_take(&b, p + at, part, &data);

		if (k < 0) {
			h = 0;
			break;
		}
		demand(k > 0 && (size_t)k <= part && data.n <= (size_t)k);
		inside(data, p + at, part);
		h = hash_of(h, data);
		out += data.n;
		at += (size_t)k;
	}
	demand(out <= n && (r->chunked || out <= r->length));
	*taken = at;
	*whole = cp_http_body_done(&b);
	return h;
}

static void see_body(const struct cp_http_request *r, const char *p, size_t n)
{
	size_t one, many;
	bool whole_one, whole_many;
	uint64_t a = read_body(r, p, n, 1, &one, &whole_one);
	uint64_t b = read_body(r, p, n, n, &many, &whole_many);

	demand(a == b && one == many && whole_one == whole_many);
}

static void see_query(struct cp_slice query)
{
	static const char *const keys[] = {"seconds", "debug", "", "a"};
	char out[32];
	int64_t v;

	for (unsigned i = 0; i < CP_ARRAY_LEN(keys); i++) {
		cp_http_param(query, keys[i], out, sizeof(out));
		demand(memchr(out, 0, sizeof(out)) != NULL);
		if (cp_http_integer(out, &v))
			demand(v == strtoll(out, NULL, 10));
	}
}

static void see_reply(const char *path)
{
	char head[768];
	struct cp_buf b = CP_BUF(head);
	struct cp_http_reply r = {
		.status = 200, .type = CP_HTTP_TEXT, .now = (int64_t)strlen(path)};

	cp_http_reply(&b, &r);
	demand(!b.cut && !memcmp(head + b.len - 4, "\r\n\r\n", 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of just this size, so that a byte too far is seen. */
	char *p = malloc(size + 1);
	struct cp_http_request r, again;
	char path[64];
	long n;

	memcpy(p, data, size);
	p = realloc(p, size ? size : 1);
	n = cp_http_parse(p, size, &r);
	demand(n <= (long)size && (n >= 0 || (n <= -400 && n >= -599)));
	if (n < 0)
		demand(strcmp(cp_http_reason((int)-n), "Unknown") != 0);
	if (n > 0) {
		inside(r.path, p, (size_t)n);
		inside(r.query, p, (size_t)n);
		inside(r.authorization, p, (size_t)n);
		inside(r.host, p, (size_t)n);
		cp_http_is_foreign(&r);
		demand(cp_http_host_is_safe(r.host) || has_letter(r.host));
		demand(cp_http_parse(p, (size_t)n, &again) == n);
		demand(cp_http_parse(p, (size_t)n - 1, &again) <= 0);
		see_query(r.query);
		if (cp_http_decode(r.path, false, path, sizeof(path)))
			see_reply(path);
		see_body(&r, p + n, size - (size_t)n);
	}
	free(p);
	return 0;
}
