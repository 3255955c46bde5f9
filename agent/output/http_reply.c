/* SPDX-License-Identifier: MIT */
/*
 * http_reply.c - the heads of our answers
 *
 * Context  ANY: pure
 * Holds    see http_reply.h
 */
#include "http_reply.h"

#include "../rt/calendar.h"

const char *cp_http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} all[] = {
		{200, "OK"},
		{301, "Moved Permanently"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{413, "Request Entity Too Large"},
		{417, "Expectation Failed"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (unsigned i = 0; i < CP_ARRAY_LEN(all); i++)
		if (all[i].status == status)
			return all[i].reason;
	return "Unknown";
}

void cp_http_reply(struct cp_buf *b, const struct cp_http_reply *r)
{
	cp_buf_fmt(b, "HTTP/1.1 %d %s\r\n", r->status, cp_http_reason(r->status));
	if (r->allow)
		cp_buf_fmt(b, "Allow: %s\r\n", r->allow);
	if (r->close)
		cp_buf_str(b, "Connection: close\r\n");
	else if (r->keep_alive)
		cp_buf_str(b, "Connection: keep-alive\r\n");
	if (r->filename)
		cp_buf_fmt(b, "Content-Disposition: attachment; filename=\"%s%s\"\r\n", r->filename,
			   r->suffix ? r->suffix : "");
	cp_buf_fmt(b, "Content-Type: %s\r\n", r->type);
	if (r->location) {
		cp_buf_fmt(b, "Location: %s", r->location);
		cp_buf_mem(b, r->location_query, r->location_query_len);
		cp_buf_str(b, "\r\n");
	}
	if (r->retry_after)
		cp_buf_fmt(b, "Retry-After: %u\r\n", r->retry_after);
	if (r->authenticate)
		cp_buf_str(b, "Www-Authenticate: Bearer realm=\"pprof\"\r\n");
	cp_buf_str(b, "X-Content-Type-Options: nosniff\r\n");
	if (r->error)
		cp_buf_str(b, "X-Go-Pprof: 1\r\n");
	cp_buf_str(b, "Date: ");
	cp_calendar_http(b, r->now);
	cp_buf_fmt(b, "\r\nContent-Length: %lu\r\n\r\n", r->length);
}
