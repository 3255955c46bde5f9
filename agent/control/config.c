/* SPDX-License-Identifier: MIT */
/*
 * config.c - the configuration: every CPROF_ variable, in one table
 *
 * Context  EARLY: cp_config_init
 * Calls    parse.c, the profile table, getcwd(2).
 * Shared   cp_config: written by cp_config_init, read only after.
 * Holds    Defaults go through the same parsers as values, so a default can't be
 *          what a value may not. Texts are copied: hosts overwrite their environment.
 * Why      One row says all there is to know of a variable: the parser, the log line
 *          on a bad value, the man page and its check read the same row.
 */
#include "config.h"

#include "../rt/buf.h"
#include "../rt/log.h"
#include "../rt/sys.h"
#include "http_addr.h"
#include "parse.h"
#include "profiles.h"

#include <errno.h>
#include <string.h>

struct cp_config cp_config;

static int copy_text(const char *text, char *out, size_t cap)
{
	size_t len = strlen(text);

	if (!len || len >= cap)
		return -EINVAL;
	memcpy(out, text, len + 1);
	return 0;
}

/* Relative paths mean the directory the host was started in, wherever it goes. */
static int copy_path(const char *text, char *out, size_t cap)
{
	char cwd[1024];
	struct cp_buf b = {out, 0, cap, false};
	long n;

	if (*text == '/')
		return copy_text(text, out, cap);
	n = CP_SYS(SYS_getcwd, cwd, sizeof(cwd));
	if (!*text || cp_sys_failed(n) || *cwd != '/')
		return copy_text(*text ? text : ".", out, cap);
	cp_buf_str(&b, cwd);
	if (strcmp(text, ".")) {
		if (cwd[1])
			cp_buf_char(&b, '/');
		cp_buf_str(&b, text);
	}
	return b.cut ? -EINVAL : 0;
}

static int parse_dir(const char *text, void *field)
{
	(void)field;
	return copy_path(text, cp_config.dir, sizeof(cp_config.dir));
}

static int parse_log(const char *text, void *field)
{
	(void)field;
	if (!strcmp(text, "stderr") || !strcmp(text, "none"))
		return copy_text(text, cp_config.log, sizeof(cp_config.log));
	return copy_path(text, cp_config.log, sizeof(cp_config.log));
}

static int parse_only(const char *text, void *field)
{
	(void)field;
	return copy_text(!strcmp(text, "all") ? "*" : text, cp_config.only, sizeof(cp_config.only));
}

static int parse_http(const char *text, void *field)
{
	struct cp_http_addr a;

	(void)field;
	if (strcmp(text, "off") && cp_http_addr_parse(text, UINT32_MAX, &a))
		return -EINVAL;
	return copy_text(text, cp_config.http, sizeof(cp_config.http));
}

static int parse_token_file(const char *text, void *field)
{
	(void)field;
	cp_config.http_token_file[0] = 0;
	if (!strcmp(text, "none"))
		return 0;
	return copy_path(text, cp_config.http_token_file, sizeof(cp_config.http_token_file));
}

static int parse_number_within(const char *text, uint64_t least, uint64_t most, uint64_t *field)
{
	const char *end;
	uint64_t v;

	if (cp_parse_number(text, &v, &end) || *end || v < least || v > most)
		return -EINVAL;
	*field = v;
	return 0;
}

static int parse_http_seconds(const char *text, void *field)
{
	return parse_number_within(text, 1, CP_REQUEST_MAX_SECONDS, field);
}

static int parse_types(const char *text, void *field)
{
	uint32_t types = 0;
	const char *item;
	size_t len;

	if (!strcmp(text, "all")) {
		*(uint32_t *)field = cp_profiles_all();
		return 0;
	}
	while ((len = cp_parse_item(&text, &item))) {
		const struct cp_profile_row *row = cp_profiles_find(item, len);

		if (!row)
			return -EINVAL;
		types |= 1U << row->type;
	}
	if (!types)
		return -EINVAL;
	*(uint32_t *)field = types;
	return 0;
}

static int parse_count(const char *text, void *field)
{
	return parse_number_within(text, 1, UINT64_MAX, field);
}

static int parse_seed(const char *text, void *field)
{
	if (!strcmp(text, "random")) {
		*(uint64_t *)field = 0;
		return 0;
	}
	return parse_count(text, field);
}

static int parse_switch(const char *text, void *field)
{
	if ((*text != '0' && *text != '1') || text[1])
		return -EINVAL;
	*(bool *)field = *text == '1';
	return 0;
}

static int parse_lines(const char *text, void *field)
{
	static const char *const modes[] = {
		[CP_LINES_NONE] = "0", [CP_LINES_ALL] = "1", [CP_LINES_AUTO] = "auto"};

	for (unsigned i = 0; i < CP_ARRAY_LEN(modes); i++)
		if (!strcmp(text, modes[i])) {
			*(enum cp_lines_mode *)field = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_budget(const char *text, void *field)
{
	uint64_t v;

	if (cp_parse_thousandths(text, &v) || v > 100000)
		return -EINVAL;
	*(uint64_t *)field = v;
	return 0;
}

static int parse_signal(const char *text, void *field)
{
	return cp_parse_signal(text, field);
}

static int parse_cpu_signal(const char *text, void *field)
{
	int sig;

	if (cp_parse_signal(text, &sig) || !sig)
		return -EINVAL;
	*(int *)field = sig;
	return 0;
}

static int parse_hz(const char *text, void *field)
{
	return parse_number_within(text, 0, 4000, field);
}

static int parse_size_within(const char *text, uint64_t least, uint64_t most, uint64_t *field)
{
	uint64_t v;

	if (cp_parse_bytes(text, &v) || v < least || v > most)
		return -EINVAL;
	*field = v;
	return 0;
}

static int parse_rate(const char *text, void *field)
{
	return cp_parse_rate(text, field);
}

/* Beyond these nothing would ever be recorded. */
static int parse_fraction(const char *text, void *field)
{
	return parse_number_within(text, 0, 1000000, field);
}

static int parse_block_rate(const char *text, void *field)
{
	return parse_number_within(text, 0, 100000000000ULL, field);
}

static int parse_memory(const char *text, void *field)
{
	return parse_size_within(text, CP_CONFIG_MEMORY_MIN, 1ULL << 36, field);
}

static int parse_disk(const char *text, void *field)
{
	return parse_size_within(text, 1, UINT64_MAX, field);
}

static int parse_interval(const char *text, void *field)
{
	return cp_parse_interval(text, field);
}

/* CPROF_LOG comes first: lines about the others go where it says. */
const struct cp_config_row cp_config_rows[] = {
	{"CPROF_LOG", "stderr", "stderr, none or a path", "where the agent's lines go", parse_log,
	 cp_config.log},
	{"CPROF_DIR", ".", "a path", "directory the files go to", parse_dir, cp_config.dir},
	{"CPROF_INTERVAL", "off", "off, seconds, or a number with ms, s, m, h or d (from 100ms)",
	 "a snapshot this often", parse_interval, &cp_config.interval_ns},
	{"CPROF_SIGNAL", "USR1",
	 "a signal that can be handled and reports no fault, by name or number (USR1, RTMIN+3), or "
	 "none",
	 "the signal that asks for a snapshot", parse_signal, &cp_config.signal},
	{"CPROF_ATEXIT", "0", "0 or 1", "a last snapshot when the process ends", parse_switch,
	 &cp_config.atexit},
	{"CPROF_PROFILES", "all", "all, or a comma list of " CP_PROFILE_NAMES,
	 "the profiles to take", parse_types, &cp_config.types},
	{"CPROF_CPU_HZ", "100", "a number from 1 to 4000, 0 = off",
	 "CPU samples per second of CPU time and thread", parse_hz, &cp_config.cpu_hz},
	{"CPROF_CPU_SIGNAL", "PROF",
	 "a signal that can be handled and reports no fault, by name or number (PROF, RTMIN+3)",
	 "the signal CPU samples come by", parse_cpu_signal, &cp_config.cpu_signal},
	{"CPROF_HEAP_RATE", "524288",
	 "bytes, with K, M or G if you like; 1 = every allocation, 0 = off",
	 "mean bytes between heap samples", parse_rate, &cp_config.heap_rate},
	{"CPROF_MUTEX_FRACTION", "10", "a number up to 1000000; 1 = all, 0 = off",
	 "1 in n contended waits is charged to who unlocks", parse_fraction,
	 &cp_config.mutex_fraction},
	{"CPROF_BLOCK_RATE", "100000000", "nanoseconds up to 100000000000; 1 = all, 0 = off",
	 "a wait of d ns is recorded with probability min(1, d/rate)", parse_block_rate,
	 &cp_config.block_rate},
	{"CPROF_BLOCK_IO", "0", "0 or 1",
	 "whether waits for time and descriptors are recorded too: sleep, poll, epoll, select, "
	 "read, recv, accept",
	 parse_switch, &cp_config.block_io},
	{"CPROF_BUDGET", "1", "per cent up to 100, as 0.5 or 2; 0 = no limit",
	 "CPU time sampling may take before its rates are lowered", parse_budget,
	 &cp_config.budget},
	{"CPROF_ONLY", "all", "all, or a comma list of globs",
	 "the executables to profile, by name", parse_only, cp_config.only},
	{"CPROF_KEEP", "1000", "a number from 1", "snapshots of this program CPROF_DIR may hold",
	 parse_count, &cp_config.keep},
	{"CPROF_MAX_BYTES", "1G", "bytes, with K, M, G or T if you like",
	 "bytes of this program's files CPROF_DIR may hold", parse_disk, &cp_config.max_bytes},
	{"CPROF_MAX_MEMORY", "64M", "bytes from 8M to 64G, with K, M or G if you like",
	 "bound on the agent's own memory", parse_memory, &cp_config.max_memory},
	{"CPROF_LINES", "auto", "auto, 1 or 0",
	 "file:line and inlined calls in written profiles: auto for modules with up to 32 MB of "
	 "debug data, 1 for all, 0 for function names only",
	 parse_lines, &cp_config.lines},
	{"CPROF_HTTP", "off",
	 "off, HOST:PORT, :PORT or unix:/PATH, HOST being an address or localhost",
	 "where to serve /debug/pprof/", parse_http, cp_config.http},
	{"CPROF_HTTP_MAX_SECONDS", "300", "a number from 1 to 65535",
	 "longest time a request may ask a profile of", parse_http_seconds,
	 &cp_config.http_max_seconds},
	{"CPROF_HTTP_TOKEN_FILE", "none", "none or a path",
	 "file whose first line requests must carry as their token", parse_token_file,
	 cp_config.http_token_file},
	{"CPROF_SEED", "random", "random, or a number from 1", "fixes the samplers' randomness",
	 parse_seed, &cp_config.seed},
};
const size_t cp_config_row_count = CP_ARRAY_LEN(cp_config_rows);

static bool is_ours(const char *entry)
{
	return entry[0] == 'C' && !strncmp(entry, "CPROF_", 6);
}

/* The value of a variable; NULL when it isn't set. The first one counts, as in getenv. */
static const char *value_of(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env && *env; env++)
		if (is_ours(*env) && !strncmp(*env, name, len) && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* What people wrote, up to a byte that ends it, fit for one log line. */
static const char *printable(const char *text, char stop, char *out, size_t cap)
{
	size_t i = 0;

	for (; text[i] && text[i] != stop && i + 1 < cap; i++)
		out[i] = text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
	out[i] = 0;
	return out;
}

static void read_row(const struct cp_config_row *row, char *const *env)
{
	const char *value = value_of(env, row->name);
	char shown[128];

	row->parse(row->fallback, row->field);
	if (!value || !*value)
		return;
	if (!row->parse(value, row->field)) {
		cp_config.given |= 1U << (row - cp_config_rows);
		return;
	}
	row->parse(row->fallback, row->field); /* the parser may have left half a text */
	cp_log("%s=%s is not understood; accepted: %s; using the default, %s", row->name,
	       printable(value, 0, shown, sizeof(shown)), row->accepted, row->fallback);
}

bool cp_config_is_given(const void *field)
{
	for (size_t i = 0; i < cp_config_row_count; i++)
		if (cp_config_rows[i].field == field)
			return cp_config.given >> i & 1;
	return false;
}

static bool is_known(const char *entry)
{
	for (size_t i = 0; i < cp_config_row_count; i++) {
		size_t len = strlen(cp_config_rows[i].name);

		if (!strncmp(entry, cp_config_rows[i].name, len) && entry[len] == '=')
			return true;
	}
	return false;
}

static void report_unknown(char *const *env)
{
	char shown[128];

	for (; env && *env; env++)
		if (is_ours(*env) && !is_known(*env))
			cp_log("%s: this version knows no such variable; it is ignored",
			       printable(*env, '=', shown, sizeof(shown)));
}

void cp_config_init(char *const *env)
{
	_Static_assert(CP_ARRAY_LEN(cp_config_rows) <= 32, "a bit each in given");
	cp_config.given = 0;
	for (size_t i = 0; i < cp_config_row_count; i++) {
		read_row(&cp_config_rows[i], env);
		if (i == 0)
			cp_log_init(strcmp(cp_config.log, "stderr") ? cp_config.log : NULL);
	}
	report_unknown(env);
}
