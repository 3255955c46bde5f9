/* SPDX-License-Identifier: MIT */
/*
 * http_guard.c - who may ask
 *
 * Context  HOST: cp_http_guard_init      CONTROL, the server's thread: the rest
 * Calls    config.c, http_addr.c, system calls.
 * Shared   st is written before there is a server, and inherited by forked children.
 * Holds    Without a token only this machine may ask, and of its browsers only our own
 *          pages (http_origin.c). With one, who has it: no browser sends it unasked.
 *          A token is compared in a time that depends on what was sent, not on how much
 *          of it was right.
 * Fails    A token that can't be read whole: no HTTP, and a line.
 */
#include "http_conn.h"

#include "../rt/log.h"
#include "../rt/sys.h"
#include "config.h"
#include "http_addr.h"
#include "reason.h"

#include <errno.h>
#include <string.h>

#define TOKEN_MAX 1024

static struct {
	char token[TOKEN_MAX];
	size_t len;
	bool browsers; /* can one come here, and would it be let in? */
} st;

/* The first line of CPROF_HTTP_TOKEN_FILE: its length, 0 when none is asked for, or
 * -errno. Not waiting: it may name a pipe. */
static long read_token(char *token, size_t cap)
{
	long fd, n, len;

	if (!cp_config.http_token_file[0])
		return 0;
	fd = cp_sys_open(cp_config.http_token_file, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	n = cp_sys_read((int)fd, token, cap - 1);
	cp_sys_close((int)fd);
	if (n < 0)
		return n;
	token[n] = 0;
	len = (long)strcspn(token, "\r\n");
	if (len == (long)cap - 1)
		return -EMSGSIZE;
	return len ? len : -ENODATA;
}

bool cp_http_guard_init(void)
{
	struct cp_http_addr a = {0};
	long n = read_token(st.token, sizeof(st.token));
	bool known = !cp_http_addr_parse(cp_config.http, 0, &a);

	if (n < 0) {
		cp_log("no HTTP: no token in CPROF_HTTP_TOKEN_FILE=%s: %s",
		       cp_config.http_token_file, cp_reason((int)n));
		return false;
	}
	st.len = (size_t)n;
	st.browsers = !n && a.sa.any.sa_family != AF_UNIX;
	if (!known || a.loopback || n)
		return true;
	cp_log("no HTTP: CPROF_HTTP=%s is open to other machines: that needs "
	       "CPROF_HTTP_TOKEN_FILE",
	       cp_config.http);
	return false;
}

/* Every byte that was sent is looked at, and nothing stops early. */
static bool is_authorized(struct cp_slice header)
{
	unsigned differ;

	if (!st.len)
		return true;
	if (!cp_slice_skip(&header, "Bearer ") && !cp_slice_skip(&header, "bearer "))
		return false;
	differ = header.n != st.len;
	for (size_t i = 0; i < header.n; i++)
		differ |= (unsigned char)(header.p[i] ^ st.token[i % st.len]);
	return !differ;
}

bool cp_http_guard_admits(struct cp_http_plan *p, const struct cp_http_request *r)
{
	if (!is_authorized(r->authorization)) {
		cp_http_refuse(p, 401, "Unauthorized\n");
		p->reply.authenticate = true;
	} else if (st.browsers && !cp_http_host_is_safe(r->host)) {
		cp_http_refuse(p, 403, "the Host header names neither localhost nor an address\n");
	} else if (st.browsers && cp_http_is_foreign(r)) {
		cp_http_refuse(p, 403, "a page of another site asks for this\n");
	} else {
		return true;
	}
	return false;
}
