/* SPDX-License-Identifier: MIT */
/*
 * maps.c - the process's executable mappings, as pprof wants them
 *
 * Context  CONTROL, one thread at a time
 * Calls    rt, sample/module.h.
 * Holds    What a loaded module's mappings were is remembered when they are first
 *          seen, and is what they are after it was unloaded.
 * Fails    A line too long or odd is skipped; its frames fall to "[anon]".
 */
#include "maps.h"

#include "lineread.h"

#include "../rt/buf.h"
#include "../rt/hex.h"
#include "../rt/sys.h"
#include "../sample/module.h"
#include "../sample/rules.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#define MAPS_PATH "/proc/thread-self/maps"
#define KNOWN_MAX 8192U
#define USER_END  (1UL << 47)

/* The addresses of synthetic frames lie in [cprof]; none of the process's can. */
#define SYNTH_START 0x1000UL
#define SYNTH_END   0x2000UL

struct known {
	uintptr_t start, end, offset;
	const char *file;
	unsigned module;
};

static struct {
	struct known *known;
	size_t nknown;
	struct cp_arena strings; /* of known */
	uintptr_t entry;	 /* where the kernel started the program */
	const char *program;	 /* the path it was started by */
} st;
static struct cp_lineread lines CP_SPARSE;

struct reading {
	struct cp_arena *job;
	struct cp_maps *maps;
	size_t cap;
};

void cp_maps_init(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	st.entry = getauxval(AT_ENTRY);
	st.program = path && path[0] ? path : "[program]";
}

const char *cp_maps_program(void)
{
	return st.program;
}

static const char *skip_field(const char *s)
{
	while (*s && *s != ' ')
		s++;
	while (*s == ' ')
		s++;
	return s;
}

bool cp_maps_parse(char *text, struct cp_maps_line *line)
{
	static const char gone[] = " (deleted)";
	const char *s = cp_hex_read(text, &line->start);
	size_t len;

	if (!s || *s != '-')
		return false;
	s = cp_hex_read(s + 1, &line->end);
	if (!s || *s != ' ' || strnlen(s, 6) < 6 || line->end <= line->start)
		return false;
	line->executable = s[3] == 'x';
	s = cp_hex_read(s + 6, &line->offset);
	if (!s || *s != ' ')
		return false;
	s = skip_field(skip_field(s + 1)); /* device, inode */
	len = strlen(s);
	if (len > sizeof(gone) - 1 && !strcmp(s + len - (sizeof(gone) - 1), gone))
		text[s - text + (ptrdiff_t)(len - (sizeof(gone) - 1))] = 0;
	line->path = s;
	return true;
}

/* The next line that is one; false at the end. */
static bool next_line(struct cp_lineread *r, struct cp_maps_line *line)
{
	char *text;

	while ((text = cp_lineread_next(r)) != NULL)
		if (cp_maps_parse(text, line))
			return true;
	return false;
}

bool cp_maps_path_at(uintptr_t addr, char *path, size_t cap)
{
	struct cp_buf b = {path, 0, cap, false};
	struct cp_maps_line line;

	if (cp_lineread_open(&lines, MAPS_PATH) < 0)
		return false;
	while (next_line(&lines, &line))
		if (addr >= line.start && addr < line.end && line.path[0] == '/') {
			cp_buf_str(&b, line.path);
			break;
		}
	cp_lineread_close(&lines);
	return b.len && !b.cut;
}

static struct cp_map *append(struct reading *r)
{
	if (r->maps->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct cp_map *more = cp_arena_alloc(r->job, cap * sizeof(*more));

		if (!more)
			return NULL;
		if (r->maps->n)
			memcpy(more, r->maps->map, r->maps->n * sizeof(*more));
		r->maps->map = more;
		r->cap = cap;
	}
	return &r->maps->map[r->maps->n++];
}

static int add(struct reading *r, const struct cp_map *map)
{
	struct cp_map *to = append(r);

	if (!to)
		return -ENOMEM;
	*to = *map;
	return 0;
}

static const char *hex_id(struct cp_arena *job, unsigned module)
{
	const struct cp_module *m = module ? cp_module_get(module) : NULL;
	char text[2 * sizeof(m->build_id) + 1] = "";
	struct cp_buf b = CP_BUF(text);

	if (m)
		cp_buf_hex_bytes(&b, m->build_id, m->build_id_len);
	return b.len ? cp_arena_strdup(job, text, b.len) : NULL;
}

/* Only objects the loader knows have a number; asking it about each anonymous
 * mapping of a JIT would be in vain. */
static unsigned module_at(const struct cp_maps_line *line)
{
	unsigned id = 0;

	if (line->path[0] == '/' || !strcmp(line->path, "[vdso]"))
		id = cp_rules_module(line->start);
	return id == CP_MODULE_SYNTH ? 0 : id;
}

static int add_line(struct reading *r, const struct cp_maps_line *line)
{
	struct cp_map map = {line->start, line->end, line->offset, "[anon]", NULL, 0};

	map.module = module_at(line);
	map.build_id = hex_id(r->job, map.module);
	if (line->path[0] == '[' || (line->path[0] == '/' && line->path[1] != '/'))
		map.file = cp_arena_strdup(r->job, line->path, strlen(line->path));
	return map.file ? add(r, &map) : -ENOMEM;
}

static int add_live(struct reading *r)
{
	struct cp_maps_line line;
	int err = 0;

	if (cp_lineread_open(&lines, MAPS_PATH) < 0)
		return 0;
	while (!err && next_line(&lines, &line))
		if (line.executable && line.end <= USER_END)
			err = add_line(r, &line);
	cp_lineread_close(&lines);
	r->maps->live = r->maps->n;
	return err;
}

static bool is_main(const struct cp_map *map)
{
	if (map->module)
		return cp_module_get(map->module)->path[0] == 0;
	return st.entry >= map->start && st.entry < map->end;
}

/* pprof takes the first mapping for the program. */
static void main_first(struct cp_maps *maps)
{
	for (size_t i = 0; i < maps->live; i++) {
		struct cp_map main = maps->map[i];

		if (!is_main(&main))
			continue;
		memmove(maps->map + 1, maps->map, i * sizeof(main));
		maps->map[0] = main;
		return;
	}
}

static bool is_known(const struct cp_map *map)
{
	for (size_t i = 0; i < st.nknown; i++)
		if (st.known[i].module == map->module && st.known[i].start == map->start)
			return true;
	return false;
}

static void remember(const struct cp_map *map)
{
	const char *file;

	if (!st.known)
		st.known = cp_mem_map(KNOWN_MAX * sizeof(*st.known));
	if (!map->module || !st.known || st.nknown == KNOWN_MAX || is_known(map))
		return;
	file = cp_arena_strdup(&st.strings, map->file, strlen(map->file));
	if (file)
		st.known[st.nknown++] =
			(struct known){map->start, map->end, map->offset, file, map->module};
}

static bool is_live(const struct cp_maps *maps, unsigned module)
{
	for (size_t i = 0; i < maps->live; i++)
		if (maps->map[i].module == module)
			return true;
	return false;
}

/* One that is not in the list: it was unloaded, or there is no list. */
static int add_unlisted(struct reading *r, unsigned id)
{
	const struct cp_module *m = cp_module_get(id);
	const char *file = m->path[0] ? m->path : st.program;
	struct cp_map map = {m->start, m->end, 0, file, hex_id(r->job, id), id};
	bool known = false;
	int err = 0;

	for (size_t i = 0; i < st.nknown && !err; i++) {
		const struct known *k = &st.known[i];

		if (k->module != id)
			continue;
		known = true;
		map = (struct cp_map){k->start, k->end, k->offset, k->file, map.build_id, id};
		err = add(r, &map);
	}
	/* Never seen while it was loaded: its whole range stands for its code. */
	if (!known && m->end > m->start)
		err = add(r, &map);
	return err;
}

static int add_fallbacks(struct reading *r)
{
	struct cp_map anon = {SYNTH_END, USER_END, 0, "[anon]", NULL, 0};
	struct cp_map ours = {SYNTH_START, SYNTH_END, 0, "[cprof]", NULL, CP_MODULE_SYNTH};
	int err = add(r, &anon);

	return err ? err : add(r, &ours);
}

int cp_maps_read(struct cp_arena *job, struct cp_maps *maps)
{
	struct reading r = {job, maps, 0};
	int err;

	unsigned program;

	*maps = (struct cp_maps){NULL, 0, 0};
	err = add_live(&r);
	main_first(maps);
	for (size_t i = 0; i < maps->live; i++)
		remember(&maps->map[i]);
	/* Without /proc the program still has to be the first. */
	program = maps->live ? 0 : cp_rules_module(st.entry);
	if (program && !err)
		err = add_unlisted(&r, program);
	for (unsigned id = 1; id <= cp_module_count() && !err; id++)
		if (id != program && !is_live(maps, id))
			err = add_unlisted(&r, id);
	return err ? err : add_fallbacks(&r);
}

static bool holds(const struct cp_map *map, uintptr_t addr)
{
	return addr >= map->start && addr < map->end;
}

/* Among those sorted by address: [1] to [live - 1]. */
static size_t search_live(const struct cp_maps *maps, uintptr_t addr)
{
	size_t lo = 1, hi = maps->live;

	if (maps->live && holds(&maps->map[0], addr))
		return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (maps->map[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < maps->live && holds(&maps->map[lo], addr) ? lo : maps->n;
}

size_t cp_maps_of(const struct cp_maps *maps, cp_frame f)
{
	uintptr_t addr = cp_frame_addr(f);
	unsigned module = cp_frame_module(f);
	size_t live = search_live(maps, addr);

	if (module == CP_MODULE_SYNTH)
		return maps->n - 1;
	if (live < maps->n && (!module || maps->map[live].module == module))
		return live;
	for (size_t i = maps->live; i < maps->n - 2; i++)
		if (maps->map[i].module == module && holds(&maps->map[i], addr))
			return i;
	return live < maps->n ? live : maps->n - 2;
}
