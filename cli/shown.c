/* SPDX-License-Identifier: MIT */
/*
 * shown.c - text of a profile, as a terminal may have it
 *
 * Context  the cprof program.
 * Fails    Without memory a text with control characters is not shown at all.
 */
#include "shown.h"

#include "../agent/rt/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	char *kept[8]; /* more than one printf shows */
	unsigned next;
} st;

/* The bytes of the control character that s begins with; 0: it is another one. */
static size_t control_at(const char *s)
{
	unsigned char c = (unsigned char)s[0], second = c ? (unsigned char)s[1] : 0;

	if (c == 0xc2 && second >= 0x80 && second < 0xa0)
		return 2;
	return (c && c < ' ') || c == 0x7f;
}

static void escape(const char *s, char *out)
{
	while (*s) {
		size_t n = control_at(s);

		if (!n)
			*out++ = *s++;
		for (; n; n--)
			out += sprintf(out, "\\x%02x", (unsigned char)*s++);
	}
	*out = 0;
}

const char *cp_shown(const char *s)
{
	const char *at = s;
	char **slot;

	while (*at && !control_at(at))
		at++;
	if (!*at)
		return s;
	slot = &st.kept[st.next++ % CP_ARRAY_LEN(st.kept)];
	free(*slot);
	*slot = malloc(4 * strlen(s) + 1);
	if (*slot)
		escape(s, *slot);
	return *slot ? *slot : "?";
}
