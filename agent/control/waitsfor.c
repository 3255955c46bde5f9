/* SPDX-License-Identifier: MIT */
/*
 * waitsfor.c - who waits for whom in a circle
 *
 * Context  pure
 * Holds    While it looks, circle[i] is SEEN | the start of the way that came by i first.
 *          A way that meets itself has gone round; one that meets another ends there.
 *          Each is gone over twice at most.
 */
#include "waitsfor.h"

#include <string.h>

#define SEEN 0x80000000U

static void mark(const uint32_t *next, uint32_t from, uint32_t number, uint32_t *circle)
{
	uint32_t i = from;

	do {
		circle[i] = number;
		i = next[i];
	} while (i != from);
}

/* Follows the way that starts at i: where it meets itself, or nobody. */
static uint32_t follow(const uint32_t *next, uint32_t n, uint32_t i, uint32_t *circle)
{
	uint32_t token = SEEN | i;

	while (i < n && !circle[i]) {
		circle[i] = token;
		i = next[i];
	}
	return i < n && circle[i] == token ? i : CP_WAITSFOR_NOBODY;
}

uint32_t cp_waitsfor_circles(const uint32_t *next, uint32_t n, uint32_t *circle)
{
	uint32_t found = 0;

	memset(circle, 0, n * sizeof(*circle));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = circle[i] ? CP_WAITSFOR_NOBODY : follow(next, n, i, circle);

		if (at != CP_WAITSFOR_NOBODY)
			mark(next, at, ++found, circle);
	}
	for (uint32_t i = 0; i < n; i++)
		if (circle[i] & SEEN)
			circle[i] = 0;
	return found;
}
