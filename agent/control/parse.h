/* SPDX-License-Identifier: MIT */
/*
 * parse.h - what people write in variables: numbers, sizes, times, signals, globs
 *
 * Context  ANY: pure.
 * Holds    All of the text must be understood; else -EINVAL and *out is as it was.
 */
#ifndef CP_CONTROL_PARSE_H
#define CP_CONTROL_PARSE_H

#include "../rt/base.h"

/* A decimal number; *end is the first byte after it. No sign, no spaces. */
int cp_parse_number(const char *text, uint64_t *out, const char **end);
/* A number times a thousand, with up to three digits after a point. More are ignored, but what
 * isn't 0 never becomes 0, which often means: no limit. */
int cp_parse_thousandths(const char *text, uint64_t *out);
/* 4096, 64K, 64M, 1G, 2T, also 64MB and 64MiB: all powers of 1024. */
int cp_parse_bytes(const char *text, uint64_t *out);
/* 3600, 500ms, 90s, 15m, 1h, 2d, or off: nanoseconds. */
int cp_parse_duration(const char *text, uint64_t *out);
/* Such a time, off, or from 100ms to ten years: shorter would be a load of its own. */
int cp_parse_interval(const char *text, uint64_t *out);
/* Such bytes, up to 1T. */
int cp_parse_rate(const char *text, uint64_t *out);
/* USR1, SIGUSR1, RTMIN+3, 12 or none (0). Refused: those a program can't handle,
 * those that report faults, and the two that libc uses itself. */
int cp_parse_signal(const char *text, int *out);

/* Takes the next item off a comma list; its length, and *list moves on; 0 at the end.
 * Empty items are skipped. */
size_t cp_parse_item(const char **list, const char **item);

/* * and ?, [a-z] and [!a-z] as in a shell; \ takes the next byte as it is. */
bool cp_glob_match(const char *glob, size_t len, const char *text);
/* True when one of a comma list of globs matches. */
bool cp_glob_list_match(const char *list, const char *text);

#endif
