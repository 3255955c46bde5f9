/* SPDX-License-Identifier: MIT */
/*
 * target.h - can a preloaded library reach this program?
 *
 * Context  the cprof program.
 * Why      Where it can't, the loader says nothing (static, set-uid), or something
 *          nobody understands (musl: "symbol not found", exit 127): so we say it.
 */
#ifndef CP_CLI_TARGET_H
#define CP_CLI_TARGET_H

#include "../agent/rt/base.h"

/* 0, or the exit status after one line on why not: 126 (it can't be profiled) or
 * 127 (the kernel would not find what it needs to start). A file that can't be
 * read, or that is no format we know, is left to the kernel: 0. */
int cp_target_check(const char *path);

#endif
