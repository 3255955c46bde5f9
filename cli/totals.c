/* SPDX-License-Identifier: MIT */
/*
 * totals.c - files that hold what others given with them hold already
 *
 * Context  the cprof program.
 * Why      Known by their names, EXE.PID.TIME.SEQ.TYPE.pb.gz: nothing in a file says
 *          whose it is. A pattern of the shell takes all snapshots of a process, and
 *          their sum is a number that nobody has a use for. In different folders may be
 *          those of different machines, where process ids are the same.
 */
#include "totals.h"

#include "command.h"

#include <string.h>

/* What two files of one process, and of one kind, have in common. */
struct origin {
	const char *path; /* the folder, and EXE.PID */
	size_t length;
	const char *type;
	size_t type_length;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where the part before end begins; NULL: there is no other one before it. */
static const char *part_before(const char *name, const char *end)
{
	while (end > name && end[-1] != '.')
		end--;
	return end > name ? end : NULL;
}

static bool is_number(const char *s, const char *end)
{
	return end > s && s + strspn(s, "0123456789") == end;
}

static bool is_moment(const char *s, const char *end)
{
	return end - s == 16 && s[8] == 'T' && end[-1] == 'Z' && is_number(s, s + 8) &&
	       is_number(s + 9, end - 1);
}

/* From its end, since EXE may have dots. */
static bool parse(const char *path, struct origin *o)
{
	static const char suffix[] = ".pb.gz";
	const char *name = base_name(path);
	size_t n = strlen(name);
	const char *end = name + n - (sizeof(suffix) - 1);
	const char *type, *seq, *moment, *pid;

	if (n < sizeof(suffix) || strcmp(end, suffix) != 0)
		return false;
	type = part_before(name, end);
	seq = type ? part_before(name, type - 1) : NULL;
	moment = seq ? part_before(name, seq - 1) : NULL;
	pid = moment ? part_before(name, moment - 1) : NULL;
	if (!pid || !is_number(seq, type - 1) || !is_moment(moment, seq - 1) ||
	    !is_number(pid, moment - 1))
		return false;
	*o = (struct origin){path, (size_t)(moment - 1 - path), type, (size_t)(end - type)};
	return true;
}

static bool is_type(const struct origin *o, const char *type)
{
	return strlen(type) == o->type_length && !memcmp(o->type, type, o->type_length);
}

/* A cpu file has only the time since the one before it. */
static bool is_total(const char *path, struct origin *o)
{
	return parse(path, o) && !is_type(o, "cpu");
}

static bool are_of_one(const struct origin *a, const struct origin *b)
{
	if (a->length != b->length || memcmp(a->path, b->path, a->length) != 0)
		return false;
	if (is_type(a, "heap") || is_type(a, "allocs")) /* the same data */
		return is_type(b, "heap") || is_type(b, "allocs");
	return a->type_length == b->type_length && !memcmp(a->type, b->type, a->type_length);
}

static void warn(const struct origin *o)
{
	const char *name = base_name(o->path);

	cp_complain("%.*s: several files of this one process are added up, which counts again what "
		    "the one before has: give the last one, or subtract one by --base",
		    (int)(o->path + o->length - name), name);
}

void cp_totals_warn(const struct cp_words *files)
{
	struct origin a, b;

	for (size_t i = 0; i < files->n; i++) {
		for (size_t k = i + 1; k < files->n && is_total(files->word[i], &a); k++) {
			if (!is_total(files->word[k], &b) || !are_of_one(&a, &b))
				continue;
			warn(&a);
			return;
		}
	}
}
