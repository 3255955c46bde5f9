/* SPDX-License-Identifier: MIT */
/*
 * http.h - /debug/pprof over HTTP: the server's life
 *
 * Context  as said of each
 */
#ifndef CP_CONTROL_HTTP_H
#define CP_CONTROL_HTTP_H

#include "../rt/base.h"

/* [ANY] Does CPROF_HTTP ask for it? */
bool cp_http_is_on(void);
/* [EARLY] 0 or -errno. Nothing is mapped when CPROF_HTTP is off. */
int cp_http_init(void);
/* [HOST] Makes the server's thread, when CPROF_HTTP asks for it. */
void cp_http_start(void);
/* [FORK] The child gets a server of its own, where it can have an address of its own. */
void cp_http_forked(void);
/* [EXIT] Removes what the server left in the file system. */
void cp_http_exit(void);

#endif
