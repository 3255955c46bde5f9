/* SPDX-License-Identifier: MIT */
/*
 * http_parse.c - a request's head, taken apart in place
 *
 * Context  ANY: pure
 * Holds    see http_parse.h
 * Why      A parser of our own: it runs in someone else's process, on a thread libc does
 *          not know of, and the little of HTTP that profilers speak fits a page.
 */
#include "http_parse.h"

#include <string.h>

#define HEADERS_MAX 100

struct reading {
	const char *p, *end;
	unsigned headers;
	bool http10, has_host, has_length, close, keep;
};

bool cp_slice_is(struct cp_slice s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

bool cp_slice_skip(struct cp_slice *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->n < n || memcmp(s->p, prefix, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

struct cp_slice cp_slice_cut(struct cp_slice *s, char at)
{
	const char *end = s->n ? memchr(s->p, at, s->n) : NULL;
	struct cp_slice first = {s->p, end ? (size_t)(end - s->p) : s->n};
	size_t gone = first.n + (end != NULL);

	s->p += gone;
	s->n -= gone;
	return first;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool cp_slice_is_word(struct cp_slice s, const char *text)
{
	if (s.n != strlen(text))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (lower(s.p[i]) != text[i])
			return false;
	return true;
}

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token_slice(struct cp_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token(s.p[i]))
			return false;
	return s.n > 0;
}

static struct cp_slice trim(struct cp_slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* The next line without its end; false when it isn't whole yet. */
static bool next_line(struct reading *in, struct cp_slice *line)
{
	size_t n = (size_t)(in->end - in->p);
	const char *lf = n ? memchr(in->p, '\n', n) : NULL;

	if (!lf)
		return false;
	*line = (struct cp_slice){in->p, (size_t)(lf - in->p)};
	if (line->n && lf[-1] == '\r')
		line->n--;
	in->p = lf + 1;
	return true;
}

static int read_target(struct cp_slice target, struct cp_http_request *r)
{
	if (cp_slice_skip(&target, "http://")) {
		const char *slash = memchr(target.p, '/', target.n);

		if (!slash)
			return -400;
		r->host = (struct cp_slice){target.p, (size_t)(slash - target.p)};
		target.n -= r->host.n;
		target.p = slash;
	}
	if (!target.n || *target.p != '/')
		return -400;
	for (size_t i = 0; i < target.n; i++)
		if ((unsigned char)target.p[i] <= ' ' || target.p[i] == 127)
			return -400;
	target.n = (size_t)((const char *)(memchr(target.p, '#', target.n)
						   ?: (const void *)(target.p + target.n)) -
			    target.p);
	r->has_query = memchr(target.p, '?', target.n) != NULL;
	r->path = cp_slice_cut(&target, '?');
	r->query = target;
	return 0;
}

static int read_request_line(struct reading *in, struct cp_slice line, struct cp_http_request *r)
{
	struct cp_slice method = cp_slice_cut(&line, ' ');
	struct cp_slice target = cp_slice_cut(&line, ' ');

	if (!is_token_slice(method))
		return -400;
	r->method = cp_slice_is(method, "GET")	  ? CP_HTTP_GET
		    : cp_slice_is(method, "HEAD") ? CP_HTTP_HEAD
		    : cp_slice_is(method, "POST") ? CP_HTTP_POST
						  : CP_HTTP_OTHER;
	if (line.n != 8 || memcmp(line.p, "HTTP/", 5) != 0)
		return -400;
	in->http10 = cp_slice_is(line, "HTTP/1.0");
	if (!in->http10 && !cp_slice_is(line, "HTTP/1.1"))
		return -505;
	return read_target(target, r);
}

static int read_length(struct reading *in, struct cp_slice value, struct cp_http_request *r)
{
	uint64_t v = 0;

	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(value.p[i] - '0'), &v))
			return -400;
	if (!value.n || (in->has_length && v != r->length))
		return -400;
	in->has_length = true;
	r->length = v;
	return 0;
}

static void read_connection(struct reading *in, struct cp_slice value)
{
	while (value.n) {
		struct cp_slice one = trim(cp_slice_cut(&value, ','));

		in->close |= cp_slice_is_word(one, "close");
		in->keep |= cp_slice_is_word(one, "keep-alive");
	}
}

static int read_header(struct reading *in, struct cp_slice line, struct cp_http_request *r)
{
	struct cp_slice name = cp_slice_cut(&line, ':');
	struct cp_slice value = trim(line);

	if (++in->headers > HEADERS_MAX)
		return -431;
	/* No colon, or a line that goes on: both leave a name that is none. */
	if (!is_token_slice(name) || name.p + name.n == line.p)
		return -400;
	for (size_t i = 0; i < value.n; i++)
		if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 127)
			return -400;
	if (cp_slice_is_word(name, "content-length"))
		return read_length(in, value, r);
	if (cp_slice_is_word(name, "connection"))
		read_connection(in, value);
	if (cp_slice_is_word(name, "host")) {
		if (in->has_host)
			return -400;
		in->has_host = true;
		if (!r->host.n) /* the target's own goes before it */
			r->host = value;
	}
	if (cp_slice_is_word(name, "authorization"))
		r->authorization = value;
	if (cp_slice_is_word(name, "sec-fetch-site"))
		r->fetch_site = value;
	if (cp_slice_is_word(name, "sec-fetch-mode"))
		r->fetch_mode = value;
	if (cp_slice_is_word(name, "transfer-encoding")) {
		if (r->chunked || !cp_slice_is_word(value, "chunked"))
			return -501;
		r->chunked = true;
	}
	if (cp_slice_is_word(name, "expect")) {
		if (!cp_slice_is_word(value, "100-continue"))
			return -417;
		r->expect = true;
	}
	return 0;
}

static int check_whole(const struct reading *in, struct cp_http_request *r)
{
	if (!in->http10 && !in->has_host)
		return -400;
	if (r->chunked && (in->has_length || in->http10))
		return -400;
	r->http10 = in->http10;
	r->expect &= !in->http10;
	r->keep = in->http10 ? in->keep && !in->close : !in->close;
	return 0;
}

long cp_http_parse(const char *p, size_t n, struct cp_http_request *r)
{
	struct reading in = {.p = p, .end = p + n};
	struct cp_slice line;
	int status;

	memset(r, 0, sizeof(*r));
	do /* empty lines before a request are left over from the one before it */
		if (!next_line(&in, &line))
			return 0;
	while (!line.n);
	status = read_request_line(&in, line, r);
	while (!status) {
		if (!next_line(&in, &line))
			return 0;
		if (!line.n)
			break;
		status = read_header(&in, line, r);
	}
	if (!status)
		status = check_whole(&in, r);
	return status ? status : in.p - p;
}
