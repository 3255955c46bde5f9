/* SPDX-License-Identifier: MIT */
/*
 * http_listen.h - the socket we listen on, and what is left of it in the file system
 *
 * Context  CONTROL, the server's thread; EXIT: cp_http_listen_forget
 */
#ifndef CP_CONTROL_HTTP_LISTEN_H
#define CP_CONTROL_HTTP_LISTEN_H

#include "http_addr.h"

/* Paths to remove when the process ends; in memory a forked child finds zeroed. */
struct cp_http_left {
	uint32_t live[2];
	char path[2][1280];
};

/* A listening socket, or -errno: -EADDRINUSE when another process has the place.
 * a->port is set to the one that was chosen. */
int cp_http_listen(struct cp_http_addr *a, struct cp_http_left *left);
/* Writes the URL to CPROF_DIR/EXE.PID.http, or to one in /tmp/cprof-UID. */
void cp_http_listen_tell(const struct cp_http_addr *a, struct cp_http_left *left);
void cp_http_listen_forget(struct cp_http_left *left);

#endif
