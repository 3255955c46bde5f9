/* SPDX-License-Identifier: MIT */
/*
 * lines.h - file, line and inlined calls, asked of a helper process
 *
 * Context  CONTROL: starts a process, talks to it with a time limit; one at a time.
 * Holds    The helper lives between begin and end at most. What a module got (lines,
 *          or names only) it gets for the whole run. Where somebody waits
 *          (exclusive.h), what takes too long is put off; what the helper alone could
 *          name is named by its address till then.
 * Fails    No helper, a dead, slow or senseless one: lines are lost, never names;
 *          said once per module, or once and for all when there is none to start. One
 *          that can't be started at the moment is put off, as what takes too long is.
 */
#ifndef CP_CONTROL_LINES_H
#define CP_CONTROL_LINES_H

#include "helper.h"
#include "names.h"

#define CP_LINES_TEXT	  (40U * 1024) /* longest line of an answer: a name and a path */
#define CP_LINES_CALL_MAX 64U

/* One conversation. */
struct cp_lines {
	struct cp_helper helper;
	int64_t until;	 /* the current module's time is over then */
	int64_t end;	 /* that of all modules of this conversation; 0: not begun */
	size_t at, have; /* text[at .. have) is read and not yet used */
	char text[CP_LINES_TEXT];
	struct cp_symbol *draft; /* room for CP_LINES_CALL_MAX calls */
	const char *error;	 /* what the helper said went wrong */
};

/* [ANY] CPROF_LINES: which modules get lines and inlined calls, from now on. A
 * frame that was answered once keeps its answer, unless it was provisional. */
enum cp_lines_mode {
	CP_LINES_AUTO = 0, /* modules with up to 32 MB of debug data; the default */
	CP_LINES_NONE,	   /* function names only */
	CP_LINES_ALL,
	CP_LINES_HURRY /* at exit: no helper process, not for names either */
};
void cp_lines_set(enum cp_lines_mode mode);

/* What was put off, is there time for it now? */
bool cp_lines_due(unsigned id);
/* Was this module waited for in vain the last time? */
bool cp_lines_slow(unsigned id);

/* NULL when there is no memory; the other two do without. */
struct cp_lines *cp_lines_begin(struct cp_arena *job);
void cp_lines_end(struct cp_lines *l);

/* Sets w[i].symbol where the helper knows lines, and w[i].name where it found one and
 * the agent did not. False: it was put off. */
bool cp_lines_resolve(struct cp_lines *l, struct cp_names *k, const struct cp_modfile *f,
		      const struct cp_module *m, unsigned id, struct cp_wanted *w, size_t n);

#endif
