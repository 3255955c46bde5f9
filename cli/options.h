/* SPDX-License-Identifier: MIT */
/*
 * options.h - the words of a command line
 *
 * Context  the cprof program.
 * Holds    An option is written as go tool pprof's users write it: -name or
 *          --name, its value as the next word or after '='; a one-letter option
 *          may have its value glued on (-n5). "--" ends the options; "-" alone
 *          is an operand.
 */
#ifndef CP_CLI_OPTIONS_H
#define CP_CLI_OPTIONS_H

#include "../agent/rt/base.h"

/* One of flag, text, list is set: where the option goes. */
struct cp_option {
	const char *name;
	const char *alias;     /* another name, or NULL */
	bool *flag;	       /* the option takes no value */
	const char **text;     /* the last one wins */
	struct cp_words *list; /* all of them, in order */
};

/* Lives until the program ends. */
struct cp_words {
	char **word;
	size_t n;
};

enum cp_operands {
	CP_OPERANDS_ANYWHERE,
	CP_OPERANDS_END_OPTIONS, /* the first one starts another program's words */
};

/* Adds a word, and keeps a NULL behind the last; false after a complaint. */
bool cp_words_add(struct cp_words *words, char *word);

/* Fills what the options name and answers the operands, or false after a
 * complaint. options ends with a row whose name is NULL. */
bool cp_options_parse(int argc, char **argv, const struct cp_option *options,
		      enum cp_operands where, struct cp_words *operands);

/* A whole number in [min, max] for the option called name; complains otherwise. */
bool cp_options_number(const char *name, const char *text, long min, long max, long *out);
/* A time of whole seconds in [1, max], with a unit or without, as the variables take it. */
bool cp_options_seconds(const char *name, const char *text, long max, long *out);

#endif
