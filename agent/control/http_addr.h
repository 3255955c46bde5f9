/* SPDX-License-Identifier: MIT */
/*
 * http_addr.h - where CPROF_HTTP says to listen
 *
 * Context  ANY: pure.
 */
#ifndef CP_CONTROL_HTTP_ADDR_H
#define CP_CONTROL_HTTP_ADDR_H

#include "../rt/buf.h"

#include <netinet/in.h>
#include <sys/un.h>

struct cp_http_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} sa;
	unsigned len;
	uint16_t port; /* 0: the kernel chooses */
	bool loopback; /* nobody else's machine can reach it */
	bool shared;   /* the same for each process: no %p, no port 0 */
};

/* HOST:PORT, :PORT, [IPV6]:PORT, unix:/path; %p in a path is pid. 0 or -EINVAL. */
int cp_http_addr_parse(const char *text, uint32_t pid, struct cp_http_addr *a);
/* "http://127.0.0.1:6060", "unix:/run/x.sock" */
void cp_http_addr_show(struct cp_buf *b, const struct cp_http_addr *a);

#endif
