/* SPDX-License-Identifier: MIT */
/*
 * run.c - cprof run: starts a program with the library preloaded
 *
 * Context  the cprof program, which becomes the other one by exec: its pid, exit
 *          status, signals and descriptors are its own.
 * Holds    Only LD_PRELOAD and CPROF_* differ from a plain start. What is in the
 *          environment already stays, but for what an option names.
 * Fails    As env(1) does: 125 our own trouble, 126 it can't be run (or profiled),
 *          127 it was not found.
 */
#include "../agent/control/parse.h"
#include "../agent/elf/elf.h"
#include "command.h"
#include "find.h"
#include "options.h"
#include "target.h"
#include "types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
	const char *dir, *interval, *rate, *signal, *profiles, *library;
	struct cp_words program;
};

static bool out_of_memory(void)
{
	cp_complain("out of memory");
	return false;
}

/* The loader takes blanks and colons for separators, without an escape. */
static bool can_be_preloaded(const char *library)
{
	if (!strpbrk(library, " :"))
		return true;
	cp_complain("%s: the loader can't preload a path with a blank or colon; move it", library);
	return false;
}

/* Does the file have what only the library has? Others the loader would take without a word, and
 * no profile would come. */
static bool has_our_mark(const struct cp_elf *e)
{
	uint64_t n = e->dynsym.table.size / sizeof(Elf64_Sym);
	char name[sizeof("cprof_here") + 1];
	Elf64_Sym s;

	for (uint64_t i = 0; i < n; i++) {
		if (!cp_elf_read(&e->src, e->dynsym.table.offset + i * sizeof(s), &s, sizeof(s)))
			return false;
		if (s.st_shndx != SHN_UNDEF &&
		    cp_elf_string(&e->src, &e->dynsym.strings, s.st_name, name, sizeof(name)) &&
		    !strcmp(name, "cprof_here"))
			return true;
	}
	return false;
}

static bool is_library(const char *path)
{
	struct cp_elf e;
	bool is = !cp_elf_open(&e, path);

	if (is) {
		is = has_our_mark(&e);
		cp_elf_close(&e);
	}
	if (!is)
		cp_complain("%s: not a libcprof.so; name the one that was built with cprof", path);
	return is;
}

static bool is_ours(const char *entry, size_t len)
{
	static const char name[] = "libcprof.so";
	size_t n = sizeof(name) - 1;

	return len >= n && !memcmp(entry + len - n, name, n) &&
	       (len == n || entry[len - n - 1] == '/');
}

/* library first, then what was there already, without another copy of us. */
static bool set_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *value = NULL;
	size_t size;
	FILE *out = open_memstream(&value, &size);
	bool ok;

	if (!out)
		return out_of_memory();
	fputs(library, out);
	for (const char *p = old ? old : ""; *p;) {
		size_t len = strcspn(p, " :");

		if (len && !is_ours(p, len))
			fprintf(out, ":%.*s", (int)len, p);
		p += len + (p[len] != 0);
	}
	ok = !fclose(out) && !setenv("LD_PRELOAD", value, 1);
	free(value);
	return ok ? true : out_of_memory();
}

static bool preload(const struct request *r)
{
	char *library = r->library ? realpath(r->library, NULL) : cp_find_library();
	bool ok;

	if (!library) {
		if (r->library)
			cp_complain("%s: %s", r->library, strerror(errno));
		else
			cp_complain("libcprof.so is neither beside cprof nor in its ../lib; "
				    "name it with --library");
		return false;
	}
	ok = can_be_preloaded(library) && is_library(library) && set_preload(library);
	free(library);
	return ok;
}

static bool accepted(int err, const char *option, const char *text, const char *what)
{
	if (err)
		cp_complain("%s '%s': %s accepted", option, text, what);
	return !err;
}

/* The library would go on with its default; here it still can be put right. */
static bool check_values(const struct request *r)
{
	uint64_t n;
	uint8_t types = 0;
	int sig;

	if (r->interval &&
	    !accepted(cp_parse_interval(r->interval, &n), "--interval", r->interval,
		      "off, seconds, or a number with ms, s, m, h or d (from 100ms) is"))
		return false;
	if (r->rate && !accepted(cp_parse_rate(r->rate, &n), "--rate", r->rate,
				 "a number of bytes, with K, M or G if you like, is"))
		return false;
	if (r->signal &&
	    !accepted(cp_parse_signal(r->signal, &sig), "--signal", r->signal,
		      "a signal that can be handled and reports no fault, by name or number "
		      "(USR1, RTMIN+3, 12), or none, is"))
		return false;
	return cp_types_parse(r->profiles, &types);
}

static bool set_variable(const char *name, const char *value)
{
	return !value || !setenv(name, value, 1) || out_of_memory();
}

static bool set_variables(const struct request *r)
{
	return set_variable("CPROF_DIR", r->dir) && set_variable("CPROF_INTERVAL", r->interval) &&
	       set_variable("CPROF_HEAP_RATE", r->rate) &&
	       set_variable("CPROF_SIGNAL", r->signal) &&
	       set_variable("CPROF_PROFILES", r->profiles) &&
	       (!setenv("CPROF_ATEXIT", "1", 0) || out_of_memory());
}

static int start(const struct request *r)
{
	char **argv = r->program.word;
	char *path = NULL;
	int err = cp_find_program(argv[0], &path);
	int status;

	if (!err) {
		status = cp_target_check(path);
		if (status)
			return status;
		if (!preload(r) || !set_variables(r))
			return CP_STATUS_OWN;
		execvp(path, argv); /* it has a slash; a file without a format goes to sh */
		err = -errno;
	}
	cp_complain("%s: %s%s", argv[0], err == -ENOENT ? "not found" : strerror(-err),
		    err == -EACCES ? "; it must be a file that you may execute" : "");
	return err == -ENOENT ? CP_STATUS_NOT_FOUND : CP_STATUS_NOT_RUNNABLE;
}

static int run(int argc, char **argv)
{
	struct request r = {.dir = NULL};
	const struct cp_option options[] = {
		{"o", "output", .text = &r.dir},
		{"interval", NULL, .text = &r.interval},
		{"rate", NULL, .text = &r.rate},
		{"signal", NULL, .text = &r.signal},
		{"profiles", NULL, .text = &r.profiles},
		{"library", NULL, .text = &r.library},
		{.name = NULL},
	};

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_END_OPTIONS, &r.program))
		return CP_STATUS_OWN;
	if (!r.program.n) {
		cp_complain("run: no program given; 'cprof help run' says more");
		return CP_STATUS_OWN;
	}
	return check_values(&r) ? start(&r) : CP_STATUS_OWN;
}

const struct cp_command cp_command_run = {
	.name = "run",
	.synopsis = "[OPTIONS] [--] PROGRAM [ARGUMENT]...",
	.summary = "run a program with the library preloaded",
	.help = "A snapshot is written when the program ends, and whenever it gets the signal.\n"
		"What it starts in its turn does the same, unless CPROF_ONLY names others.\n\n"
		"  -o DIR            write profiles there (CPROF_DIR)\n"
		"  --interval TIME   also write them this often: 90s, 15m (CPROF_INTERVAL)\n"
		"  --rate BYTES      mean bytes between heap samples (CPROF_HEAP_RATE)\n"
		"  --signal NAME     write them on this signal, not USR1 (CPROF_SIGNAL)\n"
		"  --profiles LIST   all, or only these: cpu,heap,allocs,threadcreate,mutex,block,"
		"goroutine\n                    (CPROF_PROFILES)\n"
		"  --library FILE    preload this libcprof.so\n",
	.run = run,
};
