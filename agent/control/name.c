/* SPDX-License-Identifier: MIT */
/*
 * name.c - the names of our files: EXE.PID.YYYYMMDDThhmmssZ.SEQ.TYPE.pb.gz
 *
 * Context  ANY
 * Calls    buf.c, strcmp and the like.
 * Holds    see name.h
 */
#include "name.h"

#include "../rt/buf.h"
#include "parse.h"

#include <string.h>

static const char suffix[] = ".pb.gz";
static const char temp_suffix[] = ".tmp";

void cp_name_build(char out[CP_NAME_MAX], const char *exe, const struct cp_name *name,
		   const char *type, bool temporary)
{
	struct cp_buf b = {out, 0, CP_NAME_MAX, false};

	cp_buf_fmt(&b, "%s%s.%u.%s.", temporary ? "." : "", exe, name->pid, name->stamp);
	cp_buf_u64(&b, name->seq, 4);
	cp_buf_fmt(&b, ".%s%s%s", type, suffix, temporary ? temp_suffix : "");
}

/* Takes a number and the dot behind it. */
static bool take_number(const char **s, uint32_t *out)
{
	const char *end;
	uint64_t v;

	if (cp_parse_number(*s, &v, &end) || *end != '.' || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	*s = end + 1;
	return true;
}

static bool take_stamp(const char **s, char stamp[CP_NAME_STAMP + 1])
{
	static const char shape[] = "00000000T000000Z.";
	const char *p = *s;

	for (size_t i = 0; shape[i]; i++) {
		bool digit = p[i] >= '0' && p[i] <= '9';

		if (shape[i] == '0' ? !digit : p[i] != shape[i])
			return false;
	}
	memcpy(stamp, p, CP_NAME_STAMP);
	stamp[CP_NAME_STAMP] = 0;
	*s = p + sizeof(shape) - 1;
	return true;
}

bool cp_name_parse(const char *text, const char *exe, struct cp_name *name, bool *temporary)
{
	size_t len = strlen(exe);
	const char *s = text;

	*temporary = *s == '.';
	s += *temporary;
	if (strncmp(s, exe, len) || s[len] != '.')
		return false;
	s += len + 1;
	if (!take_number(&s, &name->pid) || !take_stamp(&s, name->stamp) ||
	    !take_number(&s, &name->seq))
		return false;
	s += strspn(s, "abcdefghijklmnopqrstuvwxyz");
	if (strncmp(s, suffix, sizeof(suffix) - 1))
		return false;
	return !strcmp(s + sizeof(suffix) - 1, *temporary ? temp_suffix : "");
}

int cp_name_compare(const struct cp_name *a, const struct cp_name *b)
{
	int r = strcmp(a->stamp, b->stamp);

	if (r)
		return r;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}
