/* SPDX-License-Identifier: MIT */
/*
 * options.c - the words of a command line
 *
 * Context  the cprof program.
 * Why      getopt knows neither -base as one word nor, portably, where to stop;
 *          our users come from go tool pprof, whose options look like that.
 */
#include "options.h"

#include "../agent/control/parse.h"

#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ULL

struct scan {
	const char *command;
	char **argv;
	int argc;
	int at;
	const struct cp_option *options;
};

bool cp_words_add(struct cp_words *words, char *word)
{
	char **more = realloc(words->word, (words->n + 2) * sizeof(*more));

	if (!more) {
		cp_complain("out of memory");
		return false;
	}
	words->word = more;
	more[words->n++] = word;
	more[words->n] = NULL; /* ready for execv */
	return true;
}

static bool is_named(const char *name, const char *s, size_t len)
{
	return name && strlen(name) == len && !memcmp(name, s, len);
}

/* The option s names, after its one or two dashes; *glued is where a value glued to
 * one letter starts. */
static const struct cp_option *find(const struct scan *sc, char *s, size_t len, bool one_dash,
				    char **glued)
{
	*glued = NULL;
	for (const struct cp_option *o = sc->options; o->name; o++) {
		if (is_named(o->name, s, len) || is_named(o->alias, s, len))
			return o;
	}
	for (const struct cp_option *o = sc->options; o->name && one_dash; o++) {
		if (!o->flag && !o->name[1] && o->name[0] == s[0]) {
			*glued = s + 1;
			return o;
		}
	}
	return NULL;
}

static bool set(const struct cp_option *o, char *value)
{
	if (o->list)
		return cp_words_add(o->list, value);
	*o->text = value;
	return true;
}

static bool take_option(struct scan *sc)
{
	char *word = sc->argv[sc->at];
	bool one_dash = word[1] != '-';
	char *s = word + (one_dash ? 1 : 2);
	char *equals = strchr(s, '=');
	size_t len = equals ? (size_t)(equals - s) : strlen(s);
	char *glued;
	const struct cp_option *o = find(sc, s, len, one_dash, &glued);

	if (!o) {
		cp_complain("%s: no option '%s'; 'cprof help %s' lists them", sc->command, word,
			    sc->command);
		return false;
	}
	if (o->flag) {
		if (equals)
			cp_complain("%s: option '%.*s' takes no value", sc->command,
				    (int)(equals - word), word);
		*o->flag = true;
		return !equals;
	}
	if (glued)
		return set(o, glued);
	if (equals)
		return set(o, equals + 1);
	if (sc->at + 1 >= sc->argc) {
		cp_complain("%s: option '%s' needs a value", sc->command, word);
		return false;
	}
	return set(o, sc->argv[++sc->at]);
}

static bool take_rest(struct scan *sc, struct cp_words *operands)
{
	for (; sc->at < sc->argc; sc->at++) {
		if (!cp_words_add(operands, sc->argv[sc->at]))
			return false;
	}
	return true;
}

bool cp_options_parse(int argc, char **argv, const struct cp_option *options,
		      enum cp_operands where, struct cp_words *operands)
{
	struct scan sc = {argv[0], argv, argc, 1, options};

	for (; sc.at < argc; sc.at++) {
		char *word = argv[sc.at];

		if (!strcmp(word, "--")) {
			sc.at++;
			return take_rest(&sc, operands);
		}
		if (word[0] == '-' && word[1]) {
			if (!take_option(&sc))
				return false;
			continue;
		}
		if (where == CP_OPERANDS_END_OPTIONS)
			return take_rest(&sc, operands);
		if (!cp_words_add(operands, word))
			return false;
	}
	return true;
}

bool cp_options_number(const char *name, const char *text, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	if (end != text && !*end && !errno && *out >= min && *out <= max)
		return true;
	cp_complain("%s '%s': a whole number from %ld to %ld is accepted", name, text, min, max);
	return false;
}

bool cp_options_seconds(const char *name, const char *text, long max, long *out)
{
	uint64_t ns;

	if (!cp_parse_duration(text, &ns) && ns >= SECOND && ns % SECOND == 0 &&
	    ns / SECOND <= (uint64_t)max) {
		*out = (long)(ns / SECOND);
		return true;
	}
	cp_complain("%s '%s': whole seconds from 1 to %ld are accepted, with s, m or h if you like",
		    name, text, max);
	return false;
}
