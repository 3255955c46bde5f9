/* SPDX-License-Identifier: MIT */
/*
 * http_route.c - from a request's head to what it is answered with
 *
 * Context  CONTROL, the server's thread
 * Calls    output/, the profile table.
 * Holds    The checks come in the order Go's net/http/pprof makes them, with its words.
 */
#include "http_conn.h"

#include "config.h"

#include <string.h>

void cp_http_refuse(struct cp_http_plan *p, int status, const char *text)
{
	p->what = CP_PLAN_TEXT;
	p->reply = (struct cp_http_reply){.status = status, .type = CP_HTTP_TEXT, .error = true};
	p->text = text;
}

static void succeed(struct cp_http_plan *p, int what, const char *type)
{
	p->what = what;
	p->reply = (struct cp_http_reply){.status = 200, .type = type};
}

static void redirect(struct cp_http_plan *p, const struct cp_http_request *r)
{
	p->what = CP_PLAN_REDIRECT;
	p->reply = (struct cp_http_reply){
		.status = 301, .type = CP_HTTP_HTML, .location = "/debug/pprof/"};
	if (!r->has_query || r->query.n + 1 >= sizeof(p->query))
		return;
	p->query[0] = '?';
	memcpy(p->query + 1, r->query.p, r->query.n);
	p->reply.location_query = p->query;
	p->reply.location_query_len = r->query.n + 1;
}

#define TOO_LONG "profile duration exceeds server's WriteTimeout\n"

static void plan_cpu(struct cp_http_plan *p, const struct cp_http_request *r)
{
	const struct cp_profile_row *row = cp_profiles_find("cpu", 3);
	char text[32];
	int64_t seconds;

	cp_http_param(r->query, "seconds", text, sizeof(text));
	if (!cp_http_integer(text, &seconds) || seconds <= 0)
		seconds = 30;
	if (seconds > (int64_t)cp_config.http_max_seconds) {
		cp_http_refuse(p, 400, TOO_LONG);
		return;
	}
	if (!row || !cp_profiles_is_on(row)) {
		cp_http_refuse(p, 500,
			       "Could not enable CPU profiling: it is off "
			       "(CPROF_PROFILES, CPROF_CPU_HZ)\n");
		return;
	}
	succeed(p, CP_PLAN_PROFILE, CP_HTTP_BINARY);
	p->reply.filename = "profile";
	p->row = row;
	p->seconds = (uint32_t)seconds;
}

/* The profile a URL names; `profile` is the CPU's own, which has no other. */
static const struct cp_profile_row *find_row(const char *name)
{
	const struct cp_profile_row *row = cp_profiles_find(name, strlen(name));

	return row && row->type != CP_TYPE_CPU ? row : NULL;
}

static void plan_named(struct cp_http_plan *p, const struct cp_http_request *r, const char *name)
{
	const struct cp_profile_row *row = find_row(name);
	int64_t seconds = 0, debug = 0;
	char text[32];

	if (!row) {
		cp_http_refuse(p, 404, "Unknown profile\n");
		return;
	}
	cp_http_param(r->query, "seconds", text, sizeof(text));
	if (*text && (!cp_http_integer(text, &seconds) || seconds <= 0)) {
		cp_http_refuse(p, 400,
			       "invalid value for \"seconds\" - must be a positive integer\n");
		return;
	}
	if (seconds > (int64_t)cp_config.http_max_seconds) {
		cp_http_refuse(p, 400, TOO_LONG);
		return;
	}
	cp_http_param(r->query, "debug", text, sizeof(text));
	if (!cp_http_integer(text, &debug))
		debug = 0;
	if (seconds && debug) {
		cp_http_refuse(p, 400, "seconds and debug params are incompatible\n");
		return;
	}
	succeed(p, CP_PLAN_PROFILE, debug ? CP_HTTP_TEXT : CP_HTTP_BINARY);
	p->row = row;
	p->debug = debug > 1 ? 2 : debug != 0;
	p->seconds = (uint32_t)seconds;
	if (!debug)
		p->reply.filename = strcmp(name, "threads") ? row->name : "threads";
	p->reply.suffix = seconds ? "-delta" : NULL;
}

static void plan_debug(struct cp_http_plan *p, const struct cp_http_request *r, const char *name)
{
	if (!*name)
		succeed(p, CP_PLAN_INDEX, CP_HTTP_HTML);
	else if (!strcmp(name, "cmdline"))
		succeed(p, CP_PLAN_CMDLINE, CP_HTTP_TEXT);
	else if (!strcmp(name, "symbol"))
		succeed(p, CP_PLAN_SYMBOL, CP_HTTP_TEXT);
	else if (!strcmp(name, "flame"))
		succeed(p, CP_PLAN_FLAME, CP_HTTP_HTML);
	else if (!strcmp(name, "profile"))
		plan_cpu(p, r);
	else
		plan_named(p, r, name);
}

/* What gperftools' pprof asks for; its command line has words on lines. */
static bool plan_gperftools(struct cp_http_plan *p, const struct cp_http_request *r,
			    const char *name)
{
	static const char *const names[] = {"heap", "profile", "cmdline", "symbol"};

	for (unsigned i = 0; i < CP_ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		plan_debug(p, r, name);
		p->separator = '\n';
		return true;
	}
	return false;
}

static void check_method(struct cp_http_plan *p, const struct cp_http_request *r)
{
	const char *allow = p->what == CP_PLAN_SYMBOL ? "GET, HEAD, POST" : "GET, HEAD";

	if (r->method == CP_HTTP_GET || r->method == CP_HTTP_HEAD ||
	    (r->method == CP_HTTP_POST && p->what == CP_PLAN_SYMBOL))
		return;
	cp_http_refuse(p, 405, "Method Not Allowed\n");
	p->reply.allow = allow;
}

void cp_http_route(struct cp_http_conn *c, const struct cp_http_request *r)
{
	struct cp_http_plan *p = &c->plan;
	char path[512];

	memset(p, 0, sizeof(*p));
	if (!cp_http_guard_admits(p, r))
		return;
	if (!cp_http_decode(r->path, false, path, sizeof(path)))
		cp_http_refuse(p, 400, "Bad Request\n");
	else if (!strcmp(path, "/debug/pprof"))
		redirect(p, r);
	else if (!strncmp(path, "/debug/pprof/", 13))
		plan_debug(p, r, path + 13);
	else if (strncmp(path, "/pprof/", 7) != 0 || !plan_gperftools(p, r, path + 7)) {
		cp_http_refuse(p, 404, "404 page not found\n");
		p->reply.error = false;
	}
	if (p->reply.status < 400)
		check_method(p, r);
	if (p->what == CP_PLAN_SYMBOL && r->method != CP_HTTP_POST) {
		cp_http_symbol_take(c, r->query.p, r->query.n);
		cp_http_symbol_end(c);
	}
}
