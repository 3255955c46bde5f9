/* SPDX-License-Identifier: MIT */
/*
 * glob.c - shell patterns on names
 *
 * Context  ANY
 * Calls    nothing but cp_parse_item.
 * Holds    Time is at most pattern length times text length: only the last star
 *          is ever tried again.
 * Why      libc's fnmatch reads the locale and may allocate.
 */
#include "parse.h"

#include <string.h>

/* Matches c against the set after '['. *next is behind its ']'; NULL when there is
 * none, and '[' then stands for itself. */
static bool in_set(const char *g, const char *end, unsigned char c, const char **next)
{
	bool negated = g < end && (*g == '!' || *g == '^');
	bool found = false;
	const char *s = g + negated;

	*next = NULL;
	for (bool first = true; s < end && (first || *s != ']'); first = false, s++) {
		unsigned char lo = (unsigned char)*s, hi = lo;

		if (s + 2 < end && s[1] == '-' && s[2] != ']') {
			hi = (unsigned char)s[2];
			s += 2;
		}
		found |= c >= lo && c <= hi;
	}
	if (s >= end)
		return false;
	*next = s + 1;
	return found != negated;
}

/* Matches one pattern element that is no star; *next is the element after it. */
static bool matches_one(const char *g, const char *end, char c, const char **next)
{
	bool found;

	*next = g + 1;
	if (*g == '?')
		return true;
	if (*g == '[') {
		const char *after;

		found = in_set(g + 1, end, (unsigned char)c, &after);
		if (after) {
			*next = after;
			return found;
		}
	}
	if (*g == '\\' && g + 1 < end) {
		g++;
		*next = g + 1;
	}
	return *g == c;
}

bool cp_glob_match(const char *glob, size_t len, const char *text)
{
	const char *end = glob + len, *next;
	const char *star = NULL, *star_text = NULL;

	while (*text) {
		if (glob < end && *glob == '*') {
			star = ++glob;
			star_text = text;
		} else if (glob < end && matches_one(glob, end, *text, &next)) {
			glob = next;
			text++;
		} else if (star) {
			glob = star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (glob < end && *glob == '*')
		glob++;
	return glob == end;
}

bool cp_glob_list_match(const char *list, const char *text)
{
	const char *item;
	size_t len;

	while ((len = cp_parse_item(&list, &item))) {
		const char *name = item + len;

		while (name > item && name[-1] != '/')
			name--;
		if (cp_glob_match(name, len - (size_t)(name - item), text))
			return true;
	}
	return false;
}
