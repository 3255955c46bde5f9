/* SPDX-License-Identifier: MIT */
/*
 * http_listen.h - the socket we listen on, and what is left of it in the file system
 *
 * Context  CONTROL, the server's thread; EXIT: cp_http_listen_forget
 */
#ifndef CP_CONTROL_HTTP_LISTEN_H
#define CP_CONTROL_HTTP_LISTEN_H

#include "http_addr.h"

#define CP_HTTP_LEFT 3

/* Paths to remove when the process ends; in memory a forked child finds zeroed. */
struct cp_http_left {
	uint32_t over; /* it ends: nothing is made any more */
	uint32_t state[CP_HTTP_LEFT];
	char path[CP_HTTP_LEFT][1280];
};

/* [HOST] The program this process was before an exec may have left its socket there: noted
 * now, it is removed at the end, even if we never come to listen. */
void cp_http_listen_expect(const struct cp_http_addr *a, struct cp_http_left *left);
/* A listening socket, or -errno: -EADDRINUSE when another process has the place,
 * -ECANCELED when this one ends.
 * a->port is set to the one that was chosen. */
int cp_http_listen(struct cp_http_addr *a, struct cp_http_left *left);
/* Writes the URL to CPROF_DIR/EXE.PID.http, or to one in /tmp/cprof-UID. */
void cp_http_listen_tell(const struct cp_http_addr *a, struct cp_http_left *left);
void cp_http_listen_forget(struct cp_http_left *left);

#endif
