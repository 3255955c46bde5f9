/* SPDX-License-Identifier: MIT */
/*
 * http_reply.h - the heads of our answers
 *
 * Context  ANY: pure.
 * Holds    Names and values are those Go's net/http/pprof sends.
 */
#ifndef CP_OUTPUT_HTTP_REPLY_H
#define CP_OUTPUT_HTTP_REPLY_H

#include "../rt/buf.h"

#define CP_HTTP_TEXT   "text/plain; charset=utf-8"
#define CP_HTTP_HTML   "text/html; charset=utf-8"
#define CP_HTTP_BINARY "application/octet-stream"

struct cp_http_reply {
	int status;
	const char *type;
	const char *filename; /* NULL: nothing to save */
	const char *suffix;   /* of the file's name, NULL: none */
	bool error;	      /* X-Go-Pprof: 1 */
	const char *allow, *location, *location_query;
	size_t location_query_len;
	unsigned retry_after; /* seconds, 0: not said */
	bool authenticate;
	bool close;
	bool keep_alive; /* said to who does not take it for granted: HTTP/1.0 */
	uint64_t length;
	int64_t now; /* seconds since 1970 */
};

void cp_http_reply(struct cp_buf *b, const struct cp_http_reply *r);
/* "Not Found" for 404. */
const char *cp_http_reason(int status);

#endif
