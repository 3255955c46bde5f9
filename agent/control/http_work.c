/* SPDX-License-Identifier: MIT */
/*
 * http_work.c - what an answer is made of
 *
 * Context  CONTROL: cp_http_work on the worker, one at a time; cp_http_cmdline on the
 *          server's thread
 * Calls    emit.c, text.c, comments.c, the profile table.
 * Holds    A profile is made whole before its first byte is sent: so it has a length,
 *          and what fails on the way is an error to its client, not half a profile.
 */
#include "http_conn.h"

#include "../rt/sys.h"
#include "config.h"
#include "emit.h"
#include "exclusive.h"
#include "text.h"

#include <string.h>

#define SOON CP_HTTP_SECOND /* and as much again for the rest: "window + 2 s" is on time */

int64_t cp_http_soon(void)
{
	return cp_now_ns(CLOCK_MONOTONIC) + SOON;
}

static int write_profile(struct cp_http_conn *c, struct cp_arena *job)
{
	struct cp_maps maps = {0};
	struct cp_comments comments;
	struct cp_emit e = {
		.job = job,
		.maps = &maps,
		.comments = &comments,
		.window = c->window,
		.row = {c->plan.row},
		.out = {{{cp_out_write, &c->out}, &c->out.error}},
		.n = 1,
		.empty = !cp_profiles_is_on(c->plan.row),
	};
	int err = cp_maps_read(job, &maps);

	if (err)
		return err;
	cp_comments_build(&comments, job, NULL, 0);
	cp_emit_run(&e);
	return c->out.error;
}

static int write_text(struct cp_http_conn *c, struct cp_arena *job)
{
	const struct cp_profile_row *row = c->plan.row;

	if (c->plan.debug > 1 && row->details && cp_profiles_is_on(row))
		return row->details(&c->out, job);
	return cp_text_write(&c->out, job, row, !cp_profiles_is_on(row));
}

/* --- the index --------------------------------------------------------------- */

static uint64_t count_of(const struct cp_profile_row *row)
{
	struct cp_counts now;
	struct cp_bucket b;
	uint64_t n = 0;

	if (row->source->total)
		return cp_profiles_is_on(row) ? row->source->total() : 0;
	for (uint32_t i = 0; cp_profiles_is_on(row) && i < row->source->count(); i++) {
		row->source->read(i, &now);
		row->source->show(i, NULL, &now, &b);
		n += b.value[0] || b.value[row->ncolumns - 1];
	}
	return n;
}

struct entry {
	const char *name, *title;
	const struct cp_profile_row *row; /* NULL: a page of another kind */
};

static unsigned list_entries(struct entry *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cp_profile_count; i++)
		if (cp_profiles[i].type != CP_TYPE_CPU)
			e[n++] = (struct entry){cp_profiles[i].name, cp_profiles[i].title,
						&cp_profiles[i]};
	e[n++] = (struct entry){"cmdline", "The command line the program was started with", NULL};
	e[n++] = (struct entry){"profile",
				"CPU profile. seconds= in the query says for how long, "
				"30 by default; read it with go tool pprof",
				NULL};
	/* as Go has them: by name */
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k > 0 && strcmp(e[k].name, e[k - 1].name) < 0; k--) {
			struct entry swap = e[k];

			e[k] = e[k - 1];
			e[k - 1] = swap;
		}
	return n;
}

/* What scripts look for is Go's; the rest of the style is for people. */
static const char index_head[] =
	"<html>\n<head>\n<title>/debug/pprof/</title>\n<style>\n.profile-name{\n"
	"\tdisplay:inline-block;\n\twidth:8rem;\n\ttext-indent:0;\n}\n"
	":root{color-scheme:light dark}\n"
	"body{font:15px/1.6 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}\n"
	"td{padding:.05rem 1.2rem .05rem 0;font-variant-numeric:tabular-nums}\n"
	"td:first-child{text-align:right}\nthead td{opacity:.65}\n"
	"a{color:#b4440f}\n@media(prefers-color-scheme:dark){a{color:#f08a4b}}\n"
	"p a{margin-right:.5rem}\nul{padding:0}\n"
	"li{list-style:none;padding-left:8rem;text-indent:-8rem}\n</style>\n"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	"</head>\n<body>\n/debug/pprof/<br>\n<br>\nTypes of profiles available:\n<table>\n"
	"<thead><td>Count</td><td>Profile</td></thead>\n";

static void write_index(struct cp_out *o)
{
	struct entry e[CP_TYPES + 4];
	unsigned n = list_entries(e);

	cp_out_str(o, index_head);
	for (unsigned i = 0; i < n; i++)
		cp_out_fmt(o, "<tr><td>%lu</td><td><a href='%s?debug=1'>%s</a></td></tr>\n",
			   e[i].row ? count_of(e[i].row) : 0UL, e[i].name, e[i].name);
	cp_out_str(o, "</table>\n");
	if (cp_profiles_find("goroutine", 9))
		cp_out_str(o, "<a href=\"goroutine?debug=2\">full goroutine stack dump</a>\n");
	cp_out_str(o, "<br>\n<p>\nFlame graphs:\n");
	for (unsigned i = 0; i < cp_profile_count; i++)
		cp_out_fmt(o, "<a href='flame?profile=%s%s'>%s</a>\n", cp_profiles[i].name,
			   cp_profiles[i].type == CP_TYPE_CPU ? "&amp;seconds=5" : "",
			   cp_profiles[i].name);
	cp_out_str(o, "</p>\n<p>\nProfile Descriptions:\n<ul>\n");
	for (unsigned i = 0; i < n; i++) {
		cp_out_fmt(o, "<li><div class=profile-name>%s: </div> ", e[i].name);
		cp_out_str(o, e[i].title);
		cp_out_str(o, "</li>\n");
	}
	cp_out_str(o, "</ul>\n</p>\n</body>\n</html>");
}

/* --- all of them --------------------------------------------------------------- */

static int write_answer(struct cp_http_conn *c, struct cp_arena *job)
{
	const struct cp_http_plan *p = &c->plan;

	if (p->what == CP_PLAN_INDEX)
		write_index(&c->out);
	else if (p->debug)
		return write_text(c, job);
	else
		return write_profile(c, job);
	return c->out.error;
}

void cp_http_work(struct cp_http_conn *c)
{
	struct cp_arena job = {.limit = cp_config_memory(CP_MEMORY_JOB), .stays = true};
	int err = 0;

	if (c->opening) {
		err = cp_http_window_open(c, &job);
	} else if (c->plan.what == CP_PLAN_SYMBOL) {
		cp_http_symbols(&c->out, &job, c->address, c->naddress);
	} else {
		cp_exclusive_enter(cp_http_soon());
		err = write_answer(c, &job);
		cp_exclusive_leave();
	}
	if (err && !c->out.error)
		c->out.error = err;
	cp_arena_release(&job);
}

/* --- at once ---------------------------------------------------------------- */

/* Words as the program has them now, without the zero byte behind the last. */
void cp_http_cmdline(struct cp_out *o, char separator)
{
	char buf[4096], *zero;
	long n, fd = cp_sys_open("/proc/thread-self/cmdline", O_RDONLY, 0);
	unsigned held = 0; /* zero bytes not yet written: only those between words are */

	while (fd >= 0 && (n = cp_sys_read((int)fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			size_t left = (size_t)(buf + n - p);

			zero = memchr(p, 0, left);
			if (zero != p) {
				for (; held; held--)
					cp_out_write(o, &separator, 1);
				cp_out_write(o, p, zero ? (size_t)(zero - p) : left);
			}
			held += zero != NULL;
			p = zero ? zero + 1 : buf + n;
		}
	}
	if (fd >= 0)
		cp_sys_close((int)fd);
	for (; held > 1; held--)
		cp_out_write(o, &separator, 1); /* empty words at the end */
}
