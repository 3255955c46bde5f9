/* SPDX-License-Identifier: MIT */
/*
 * http_loop.h - the server at work: connections, one at a time, none waited for
 *
 * Context  EARLY: cp_http_loop_init      HOST: cp_http_loop_left
 *          CONTROL, the server's thread: the rest
 */
#ifndef CP_CONTROL_HTTP_LOOP_H
#define CP_CONTROL_HTTP_LOOP_H

#include "creds.h"

/* 0 or -errno. */
int cp_http_loop_init(void);
/* What it waits by, in the table of this thread: 0 or -errno. */
int cp_http_loop_open(void);
/* Serves who connects, until *held is set, or the host is somebody who can't be followed. */
void cp_http_loop_run(int listener, const struct cp_creds *creds, const uint32_t *held);
/* Waits, five seconds at most, till nobody works for it. */
bool cp_http_loop_left(void);

/* Nobody else knows of this thread. False: it must end, and a line says so. */
bool cp_http_follow(const struct cp_creds *creds);
void cp_http_sleep(int64_t ns);

#endif
