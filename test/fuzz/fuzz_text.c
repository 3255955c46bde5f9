/* SPDX-License-Identifier: MIT */
/*
 * fuzz_text.c - any bytes as lines of /proc/self/maps, a perf map, or a configuration
 *
 * Context  TEST, libFuzzer
 * Holds    A mapping that is taken has a beginning before its end, and a path within its
 *          line. A name from a perf map is one of its lines'. What a variable may not
 *          say leaves the default; what it may, the same value each time; and a glob
 *          that is plain text matches that text only.
 */
#include "agent/control/config.h"
#include "agent/control/maps.h"
#include "agent/control/names.h"
#include "agent/control/parse.h"
#include "agent/elf/demangle.h"
#include "agent/rt/mem.h"
#include "agent/sample/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64];
static int file;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = memfd_create("fuzz_text", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	demand(file >= 0 && !cp_demangle_open());
	return 0;
}

static void see_maps(char *text)
{
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t len = strlen(line);
		struct cp_maps_line m;

		if (!cp_maps_parse(line, &m))
			continue;
		demand(m.start < m.end && m.path > line && m.path + strlen(m.path) <= line + len);
	}
}

static void see_perfmap(const char *text, size_t size)
{
	static struct cp_names k;
	struct cp_arena job = {0}, scratch = {0};
	struct cp_wanted w[FRAMES] = {0};

	k.job = &job;
	k.scratch = &scratch;
	for (unsigned i = 0; i < FRAMES; i++)
		w[i].frame = cp_frame_make(0, i * 64UL);
	demand(ftruncate(file, 0) == 0 && pwrite(file, text, size, 0) == (ssize_t)size);
	demand(cp_perfmap_read(&k, path, w, FRAMES) == 0);
	for (unsigned i = 0; i < FRAMES; i++)
		demand(!w[i].name || (w[i].name[0] && w[i].mangled));
	cp_arena_release(&scratch);
	cp_arena_release(&job);
}

static void see_glob(const char *glob, const char *text)
{
	bool plain = !strpbrk(glob, "*?[\\");

	if (plain)
		demand(cp_glob_match(glob, strlen(glob), text) == !strcmp(glob, text));
	demand(cp_glob_match("*", 1, glob));
	cp_glob_list_match(glob, text);
}

/* The value a field has, for two of them to be compared. */
static uint64_t value_of(const struct cp_config_row *row)
{
	bool text = row->field == cp_config.dir || row->field == cp_config.log ||
		    row->field == cp_config.only || row->field == cp_config.http ||
		    row->field == cp_config.http_token_file;
	uint64_t h = 7;

	if (!text)
		return 0;
	for (const char *s = row->field; *s; s++)
		h = h * 31 + (unsigned char)*s;
	return h;
}

static void see_config(const char *text)
{
	const struct cp_config_row *row = &cp_config_rows[(uint8_t)text[0] % cp_config_row_count];
	uint64_t first;

	if (row->parse(text + 1, row->field)) {
		demand(row->parse(row->fallback, row->field) == 0);
		return;
	}
	first = value_of(row);
	demand(row->parse(text + 1, row->field) == 0 && value_of(row) == first);
	demand(row->parse(row->fallback, row->field) == 0);
}

/* As the environment: variables end with a newline here. None of them may name a log,
 * which would be written. */
static void see_environment(char *text)
{
	static char log[] = "CPROF_LOG=none";
	char *env[32] = {log}, *rest;
	unsigned n = 1;

	for (char *v = strtok_r(text, "\n", &rest); v && n < 31; v = strtok_r(NULL, "\n", &rest))
		env[n++] = v;
	cp_config_init(env);
	demand(memchr(cp_config.dir, 0, sizeof(cp_config.dir)) && cp_config.dir[0]);
	demand(cp_config.types && cp_config.cpu_hz <= 4000 && cp_config.max_memory >= 8UL << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 2)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		see_maps(text);
		break;
	case 1:
		see_perfmap((const char *)data + 1, size - 1);
		break;
	case 2:
		see_glob(text, "redis-server");
		break;
	case 3:
		if (*text)
			see_config(text);
		break;
	case 4:
		see_environment(text);
		break;
	}
	free(text);
	return 0;
}
