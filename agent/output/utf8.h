/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - keeps bytes that are not UTF-8 out of a profile
 *
 * Context  pure code: no state, no memory of its own.
 * Why      Symbol tables and file names hold any byte, but protobuf strings
 *          are UTF-8 and strict readers refuse a whole profile for one bad
 *          byte. \xHH keeps different names different, where a replacement
 *          character would make them equal.
 */
#ifndef CP_OUTPUT_UTF8_H
#define CP_OUTPUT_UTF8_H

#include "../rt/base.h"

/* How many bytes from s on are valid UTF-8 without NUL: n when all are. */
size_t cp_utf8_valid(const char *s, size_t n);
/* Writes s to out, which has room for 4 * n, with \xHH for each wrong byte (NUL is
 * one). Answers the length. */
size_t cp_utf8_clean(const char *s, size_t n, char *out);

#endif
