/* SPDX-License-Identifier: MIT */
/*
 * http_parse.h - what a client sends: a request's head, its query, its body
 *
 * Context  ANY: pure; no memory but the caller's.
 * Holds    Every slice lies in the bytes that were given. What is not HTTP is refused
 *          with the status that says so; two readings of one request are never possible
 *          (lengths that differ, a length beside chunks, lines that go on).
 */
#ifndef CP_OUTPUT_HTTP_PARSE_H
#define CP_OUTPUT_HTTP_PARSE_H

#include "../rt/base.h"

struct cp_slice {
	const char *p;
	size_t n;
};

enum cp_http_method { CP_HTTP_GET, CP_HTTP_HEAD, CP_HTTP_POST, CP_HTTP_OTHER };

struct cp_http_request {
	enum cp_http_method method;
	struct cp_slice path;  /* as sent */
	struct cp_slice query; /* without the question mark */
	bool has_query;
	struct cp_slice host;	       /* n 0: none, or an empty one */
	struct cp_slice authorization; /* n 0: none */
	struct cp_slice fetch_site, fetch_mode;
	uint64_t length; /* of the body; 0 with chunks */
	bool chunked;
	bool http10; /* the client's version */
	bool keep;   /* the connection may serve another request */
	bool expect; /* the client waits for 100 Continue */
};

/* The head's length when it is whole, 0 when more is needed, minus a status (400, 431,
 * 505 ...) when it is refused. */
long cp_http_parse(const char *p, size_t n, struct cp_http_request *r);

/* Does it name an address, localhost or nothing: no name of somebody else's? */
bool cp_http_host_is_safe(struct cp_slice host);
/* Does a browser send it for a page of another origin, and not to show the answer? */
bool cp_http_is_foreign(const struct cp_http_request *r);

bool cp_slice_is(struct cp_slice s, const char *text);
/* The same whatever the case of its letters; text: in small ones. */
bool cp_slice_is_word(struct cp_slice s, const char *text);
/* Takes a prefix off. */
bool cp_slice_skip(struct cp_slice *s, const char *prefix);
/* Takes off what comes before a byte, and the byte; all of it when there is none. */
struct cp_slice cp_slice_cut(struct cp_slice *s, char at);

/* The first value of a key that can be decoded; false when there is none. A value of
 * cap bytes or more counts as "?": nothing we know is so long. */
bool cp_http_param(struct cp_slice query, const char *key, char *out, size_t cap);
/* Decodes %XX; false when it is malformed, holds a zero byte or does not fit. */
bool cp_http_decode(struct cp_slice s, bool plus, char *out, size_t cap);
/* A decimal integer, with a sign or without, and nothing else. */
bool cp_http_integer(const char *s, int64_t *v);

/* A body as it arrives. All zero is a body of no bytes. */
struct cp_http_body {
	uint64_t left; /* of the body, or of the chunk */
	unsigned digits, line;
	enum {
		CP_BODY_PLAIN = 0,
		CP_BODY_SIZE,
		CP_BODY_EXTENSION,
		CP_BODY_DATA,
		CP_BODY_DATA_END,
		CP_BODY_TRAILER,
		CP_BODY_DONE
	} state;
};
void cp_http_body_start(struct cp_http_body *b, const struct cp_http_request *r);
bool cp_http_body_done(const struct cp_http_body *b);
/* Takes some of n bytes: answers how many, and in *data those of them that are the
 * body's; -1 for what is no body. */
long cp_http_body_take(struct cp_http_body *b, const char *p, size_t n, struct cp_slice *data);

#endif
