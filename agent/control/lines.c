/* SPDX-License-Identifier: MIT */
/*
 * lines.c - file, line and inlined calls, asked of a helper process
 *
 * Context  CONTROL, one thread at a time
 * Calls    rt, helper, symcache, names, maps. The protocol is told in cli/lines.c.
 * Shared   st.mode: set by whoever ends the process too; relaxed, read once per use.
 *          st.life: in memory a forked child finds zeroed.
 * Holds    An answer counts when it is whole: until then its frames keep what they
 *          had, so that no module has lines for half of the frames of a batch.
 *          A module that once failed is not asked again in this run; one that was put off
 *          is.
 * Fails    see lines.h
 * Why      Who waits for an answer does so for a second. What takes longer, where the disk is
 *          cold or the machine busy, is often there for a later one; but others wait behind
 *          him, so what was waited for in vain rests for a while, each time for twice as long;
 *          and so does the start of a helper, where it failed for what may pass.
 */
#include "lines.h"

#include "exclusive.h"
#include "maps.h"
#include "symcache.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

#define AUTO_MAX     (32ULL << 20) /* bytes of debug data, as CPROF_LINES says */
#define SECONDS_AUTO 5		   /* for one module; all of them have twice that */
#define SECONDS_ALL  30
#define REST	     5000000000LL /* ns: of all modules, when somebody waited in vain */
#define REST_TWICE   7		  /* of one alone: twice as long, at most so many times over */
#define HEAP_AUTO    "256"	  /* megabytes the helper may allocate */
#define HEAP_ALL     "1024"
#define CPU_LIMIT    "120"

enum verdict { UNDECIDED, NAMES_ONLY };

static struct {
	enum cp_lines_mode mode;
	bool absent;	   /* there is no helper to start */
	bool told;	   /* it has been said that one can't be started */
	struct life *life; /* NULL: nothing has been asked yet */
} st;
static uint8_t verdicts[CP_MODULE_MAX + 1] CP_SPARSE;

/* What a forked child finds out anew: nobody has waited there yet, and its parent may have been
 * about to write the path. */
struct life {
	char path[CP_ELF_PATH_MAX];
	int64_t start_due;  /* no helper is started before */
	uint8_t start_vain; /* attempts since one could be */
	int64_t all_due;
	int64_t due[CP_MODULE_MAX + 1];	 /* no answer asks before */
	uint8_t vain[CP_MODULE_MAX + 1]; /* waits for it since one was of use */
};

void cp_lines_set(enum cp_lines_mode mode)
{
	cp_store_rlx(&st.mode, mode);
}

struct cp_lines *cp_lines_begin(struct cp_arena *job)
{
	struct cp_lines *l = cp_arena_alloc(job, sizeof(*l));
	size_t calls = CP_LINES_CALL_MAX * sizeof(struct cp_symbol_line);

	if (!st.life)
		st.life = cp_mem_wiped(sizeof(*st.life));
	if (!l || !st.life)
		return NULL;
	l->helper.fd = -1;
	l->draft = cp_arena_alloc(job, sizeof(*l->draft) + calls);
	return l->draft ? l : NULL;
}

void cp_lines_end(struct cp_lines *l)
{
	if (l && l->helper.fd >= 0)
		cp_helper_stop(&l->helper);
}

/* --- what is asked -------------------------------------------------------- */

/* The file whose DWARF is to be read; NULL for none that we would have read. */
static const struct cp_elf *debug_data(const struct cp_modfile *f)
{
	const struct cp_elf *e = f->has_debug && f->debug.has_lines ? &f->debug : &f->main;

	if (!f->path[0] || !e->has_lines || cp_load_rlx(&st.mode) == CP_LINES_NONE)
		return NULL;
	return cp_load_rlx(&st.mode) == CP_LINES_ALL || e->dwarf_size <= AUTO_MAX ? e : NULL;
}

/* MiniDebugInfo has names that no other table of a stripped object has. */
static bool needs_names(const struct cp_modfile *f, const struct cp_wanted *w, size_t n)
{
	if (!f->path[0] || !f->main.debug_data.size || f->main.symtab.table.size || f->has_debug)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!w[i].name)
			return true;
	return false;
}

static void say(struct cp_lines *l, const char *format)
{
	struct cp_buf b = {l->text, l->have, sizeof(l->text), false};

	cp_buf_str(&b, format);
	l->have = b.len;
}

static long flush(struct cp_lines *l)
{
	long r = cp_helper_write(&l->helper, l->text, l->have, l->until);

	l->have = 0;
	return r;
}

/* A path that no line of the protocol holds; a debug file's name comes from the object. */
static bool takes_two_lines(const struct cp_modfile *f)
{
	return strchr(f->path, '\n') || (f->has_debug && strchr(f->debug_path, '\n'));
}

static void say_file(struct cp_lines *l, const struct cp_modfile *f, bool lines, bool names)
{
	struct cp_buf b = {l->text, 0, sizeof(l->text), false};

	cp_buf_fmt(&b, "F%s\n", f->path);
	if (f->has_debug)
		cp_buf_fmt(&b, "D%s\n", f->debug_path);
	cp_buf_str(&b, f->main.build_id_len ? "I" : "");
	cp_buf_hex_bytes(&b, f->main.build_id, f->main.build_id_len);
	cp_buf_str(&b, f->main.build_id_len ? "\n" : "");
	cp_buf_fmt(&b, "W%s%s\n", lines ? "l" : "", names ? "n" : "");
	l->have = b.len;
}

/* Written whole before the first answer is read: the helper answers no earlier. */
static long ask(struct cp_lines *l, const struct cp_wanted *w, size_t n, uintptr_t bias)
{
	for (size_t i = 0; i < n; i++) {
		char line[32];
		struct cp_buf b = CP_BUF(line);
		long r;

		cp_buf_fmt(&b, "A%lx\n", cp_frame_addr(w[i].frame) - bias);
		say(l, line);
		if (l->have < sizeof(l->text) - sizeof(line))
			continue;
		r = flush(l);
		if (r <= 0)
			return r;
	}
	say(l, ".\n");
	return flush(l);
}

/* --- what is answered ----------------------------------------------------- */

/* The next line, ended by a zero; NULL and *err when none comes. */
static char *next_line(struct cp_lines *l, long *err)
{
	for (;;) {
		char *line = l->text + l->at;
		char *end = memchr(line, '\n', l->have - l->at);

		if (end) {
			*end = 0;
			l->at = (size_t)(end + 1 - l->text);
			return line;
		}
		memmove(l->text, line, l->have - l->at);
		l->have -= l->at;
		l->at = 0;
		*err = l->have < sizeof(l->text)
			       ? cp_helper_read(&l->helper, l->text + l->have,
						sizeof(l->text) - l->have, l->until)
			       : -EMSGSIZE;
		if (*err <= 0)
			return NULL;
		l->have += (size_t)*err;
	}
}

static uint32_t number(const char *s)
{
	uint32_t n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (uint32_t)(*s - '0');
	return n;
}

/* "L42\tfunction\tfile" becomes one more call of the draft. */
static void take_call(struct cp_lines *l, struct cp_names *k, char *text)
{
	struct cp_symbol *s = l->draft;
	struct cp_symbol_line *to = &s->line[s->nlines];
	char *function = strchr(text, '\t');
	char *file = function ? strchr(function + 1, '\t') : NULL;

	if (!file || s->nlines == CP_LINES_CALL_MAX)
		return;
	*function++ = 0;
	*file++ = 0;
	*to = (struct cp_symbol_line){NULL, NULL, NULL, number(text + 1), 0};
	if (*function)
		cp_names_both(k, function, &to->name, &to->mangled);
	if (*file)
		to->file = cp_names_as_is(k, file);
	s->nlines++;
}

/* The physical function is the symbol table's, as in modules without lines. */
static void keep_draft(struct cp_lines *l, struct cp_names *k, struct cp_wanted *w)
{
	struct cp_symbol *s = l->draft;
	struct cp_symbol_line *last = &s->line[s->nlines - 1];
	size_t size = sizeof(*s) + s->nlines * sizeof(s->line[0]);

	s->placed = w->placed;
	s->provisional = false;
	s->offset = w->offset;
	if (w->name) {
		last->name = w->name;
		last->mangled = w->mangled;
	}
	if (!last->name)
		return; /* it will be named by its address */
	for (unsigned i = 0; i < s->nlines; i++)
		if (!s->line[i].name)
			s->line[i].name = s->line[i].mangled =
				cp_symcache_string(k->job, "[inlined]", 9);
	w->symbol = (struct cp_symbol *)cp_arena_strdup(k->scratch, (char *)s, size);
	k->no_memory |= !w->symbol;
}

/* Reads up to the closing dot: 0, or why the answer is worth nothing. */
static long read_answers(struct cp_lines *l, struct cp_names *k, struct cp_wanted *w, size_t n)
{
	struct cp_symbol *draft = l->draft;
	size_t asked = 0;
	char *line;
	long err;

	draft->nlines = 0;
	l->at = l->have = 0;
	l->error = NULL;
	while ((line = next_line(l, &err)) != NULL) {
		if ((line[0] == 'A' || line[0] == '.') && draft->nlines) {
			keep_draft(l, k, &w[asked - 1]);
			draft->nlines = 0;
		}
		if (line[0] == '.')
			return asked == n || l->error ? 0 : -EPROTO;
		if (line[0] == 'A' && asked++ == n)
			return -EPROTO;
		if (line[0] == 'N' && asked && !w[asked - 1].name)
			cp_names_set(k, &w[asked - 1], line + 1);
		if (line[0] == 'L' && asked)
			take_call(l, k, line);
		if (line[0] == 'E')
			l->error = cp_arena_strdup(k->scratch, line + 1, strlen(line + 1));
	}
	return err ? err : -EPIPE;
}

/* --- whether it works out ------------------------------------------------- */

static bool set_path(const char *own, const char *tail)
{
	struct cp_buf b = CP_BUF(st.life->path);

	cp_buf_mem(&b, own, (size_t)(strrchr(own, '/') + 1 - own));
	cp_buf_str(&b, tail);
	return !b.cut && CP_SYS(SYS_faccessat, AT_FDCWD, st.life->path, 1 /* X_OK */) == 0;
}

/* Beside the library where it was built, or in a folder beside it. */
static int find_program(void)
{
	char own[CP_ELF_PATH_MAX];

	/* For want of /proc, or of a descriptor. */
	if (!cp_maps_path_at((uintptr_t)&cp_lines_set, own, sizeof(own)))
		return CP_SYS(SYS_faccessat, AT_FDCWD, "/proc", F_OK) ? -ENOENT : -EMFILE;
	return set_path(own, "cprof-lines") || set_path(own, "cprof/cprof-lines") ? 0 : -ENOENT;
}

/* Somebody waits, and didn't ask for all lines there are. */
static bool hurries(void)
{
	return cp_exclusive_by() && cp_load_rlx(&st.mode) != CP_LINES_ALL;
}

bool cp_lines_slow(unsigned id)
{
	return id <= CP_MODULE_MAX && st.life && st.life->vain[id];
}

bool cp_lines_due(unsigned id)
{
	int64_t now = cp_now_ns(CLOCK_MONOTONIC);

	if (st.absent || !st.life || now < st.life->start_due ||
	    cp_load_rlx(&st.mode) == CP_LINES_HURRY)
		return false;
	return !hurries() ||
	       (now >= st.life->all_due && now >= st.life->due[id] && now < cp_exclusive_by());
}

/* A lack of memory, processes or descriptors, a busy disk, a program that is just installed. */
static bool passes(int why)
{
	return why == -EAGAIN || why == -ENOMEM || why == -EMFILE || why == -ENFILE ||
	       why == -ENOBUFS || why == -ETIMEDOUT || why == -ETXTBSY;
}

/* When to ask again, after one more time in vain. */
static int64_t rest(uint8_t *vain)
{
	*vain += *vain < REST_TWICE;
	return cp_now_ns(CLOCK_MONOTONIC) + (REST << *vain);
}

static void no_start(int why)
{
	if (why == -ECANCELED) {
		st.life->start_due = INT64_MAX;
		return;
	}
	st.absent = !passes(why);
	st.life->start_due = rest(&st.life->start_vain);
	if (st.told)
		return;
	st.told = true;
	cp_log("no source lines%s: can't start %s: error %d", st.absent ? "" : " yet",
	       st.life->path[0] ? st.life->path : "cprof-lines", -why);
}

static int start(struct cp_lines *l)
{
	const char *argv[] = {st.life->path,
			      cp_load_rlx(&st.mode) == CP_LINES_ALL ? HEAP_ALL : HEAP_AUTO,
			      CPU_LIMIT, NULL};
	int r;

	if (l->helper.fd >= 0)
		return 0;
	r = st.life->path[0] ? 0 : find_program();
	if (!r)
		r = cp_helper_start(&l->helper, argv);
	if (r)
		no_start(r);
	else
		st.life->start_vain = 0;
	return r;
}

static const char *cause(const struct cp_lines *l, long err)
{
	if (l->error)
		return l->error;
	if (err == -ETIMEDOUT)
		return "the time limit was reached";
	if (err == -EPIPE || err == 0)
		return "the helper ended (its limits of memory and time, or killed)";
	return "the helper's answer makes no sense";
}

/* An object without debug data after all is nothing to talk about. */
static bool is_quiet(const char *why)
{
	return !strncmp(why, "no debug", 8);
}

static void give_up(struct cp_lines *l, const struct cp_modfile *f, unsigned id, long err)
{
	const char *why = cause(l, err);

	verdicts[id] = NAMES_ONLY;
	/* The end of the process is its own cause, and no time to talk. */
	if (!is_quiet(why) && !cp_helper_is_over())
		cp_log("names only, no source lines, for %s: %s", f->path, why);
	if (err)
		cp_lines_end(l);
}

static void settle(struct cp_names *k, struct cp_wanted *w, size_t n, bool ok)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].symbol)
			w[i].symbol = ok ? cp_symcache_put(k->job, w[i].frame, w[i].symbol) : NULL;
}

/* It was waited for in vain. */
static void put_off(struct cp_lines *l, unsigned id)
{
	cp_lines_end(l);
	st.life->due[id] = rest(&st.life->vain[id]);
	st.life->all_due = cp_now_ns(CLOCK_MONOTONIC) + REST;
}

/* Sets the time for one module: never more than is left for them all. */
static bool in_time(struct cp_lines *l, unsigned id)
{
	int64_t now = cp_now_ns(CLOCK_MONOTONIC);
	int64_t most = cp_load_rlx(&st.mode) == CP_LINES_ALL ? SECONDS_ALL : SECONDS_AUTO;

	if (!l->end)
		l->end = now + 2 * most * 1000000000LL;
	l->until = CP_MIN(l->end, now + most * 1000000000LL);
	if (hurries())
		l->until = cp_lines_due(id) ? CP_MIN(l->until, cp_exclusive_by()) : 0;
	return l->until > now;
}

/* 0, or why there is nothing of use. */
static long converse(struct cp_lines *l, struct cp_names *k, const struct cp_modfile *f,
		     uintptr_t bias, struct cp_wanted *w, size_t n, bool lines, bool names)
{
	long r = start(l);

	if (r)
		return r;
	say_file(l, f, lines, names);
	r = ask(l, w, n, bias);
	return r > 0 ? read_answers(l, k, w, n) : r ? r : -EPIPE;
}

bool cp_lines_resolve(struct cp_lines *l, struct cp_names *k, const struct cp_modfile *f,
		      const struct cp_module *m, unsigned id, struct cp_wanted *w, size_t n)
{
	bool lines = debug_data(f) && verdicts[id] == UNDECIDED;
	bool names = needs_names(f, w, n), asked;
	long err = -ETIMEDOUT;

	if ((!lines && !names) || cp_load_rlx(&st.mode) == CP_LINES_HURRY || !l || st.absent ||
	    takes_two_lines(f))
		return true;
	if (l->helper.fd < 0 && cp_now_ns(CLOCK_MONOTONIC) < st.life->start_due)
		return false;
	asked = in_time(l, id);
	if (asked)
		err = converse(l, k, f, m->base, w, n, lines, names);
	if (asked && l->helper.fd < 0)
		return st.absent;
	settle(k, w, n, !err && !l->error);
	if (err == -ETIMEDOUT && hurries()) {
		if (asked)
			put_off(l, id);
		return false;
	}
	st.life->vain[id] = 0;
	st.life->due[id] = 0;
	if (err || l->error)
		give_up(l, f, id, err);
	return true;
}
