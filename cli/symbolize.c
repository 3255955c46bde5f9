/* SPDX-License-Identifier: MIT */
/*
 * symbolize.c - cprof symbolize: lines, inlined calls and names for a profile
 *
 * Context  the cprof program.
 * Calls    agent/elf to find the files, cprof-lines to read them.
 * Holds    A location that has a line, or whose object can't be found, stays as it
 *          is. A function's name stays too, unless it was only an address.
 * Fails    What could not be found is said, object by object, and is no error.
 */
#include "asklines.h"
#include "buildid.h"
#include "command.h"
#include "debuginfod.h"
#include "load.h"
#include "save.h"

#include "../agent/elf/demangle.h"
#include "../agent/elf/elf.h"
#include "../agent/rt/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What is to be known of one location. */
struct wanted {
	struct cp_location *location;
	char *symbol; /* its name in a symbol table */
	struct cp_profile_line call[64];
	unsigned ncalls;
};

struct job {
	struct cp_load *l;
	struct cp_function *function; /* new ones behind the profile's own */
	size_t nfunctions, cap;
	struct wanted *w;
	uint64_t *addr;
	size_t n;
	bool no_memory;
};

/* The files of one object. */
struct object {
	struct cp_elf elf, debug;
	bool has_elf, has_debug;
	char path[CP_ELF_PATH_MAX], debug_path[CP_ELF_PATH_MAX];
	uint64_t first; /* the least offset that is mapped of it: where its code begins */
};

static void *take(struct job *j, size_t size)
{
	void *p = j->l->region.alloc.alloc(&j->l->region, size);

	if (!p)
		j->no_memory = true;
	return p;
}

static char *kept(struct job *j, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = take(j, n);

	return p ? memcpy(p, s, n) : NULL;
}

/* --- finding the files ---------------------------------------------------- */

static bool is_it(const struct cp_elf *e, const char *build_id)
{
	char hex[2 * CP_ELF_BUILD_ID_MAX + 1] = "";
	struct cp_buf b = CP_BUF(hex);

	cp_buf_hex_bytes(&b, e->build_id, e->build_id_len);
	return !build_id || !strcasecmp(hex, build_id); /* others write capitals */
}

static bool open_if_it(struct cp_elf *e, const char *path, const char *build_id)
{
	if (cp_elf_open(e, path))
		return false;
	if (is_it(e, build_id))
		return true;
	cp_elf_close(e);
	return false;
}

/* An object without a file: all that is known of it is its id. */
static void note_id(struct cp_elf *e, const char *hex)
{
	memset(e, 0, sizeof(*e));
	e->src.fd = -1;
	if (!hex || !cp_buildid_is_sound(hex))
		return;
	for (; *hex; hex += 2) {
		char byte[3] = {hex[0], hex[1], 0};

		e->build_id[e->build_id_len++] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

static bool fetch(enum cp_debuginfod_kind kind, const char *build_id, struct cp_elf *e, char *path)
{
	char *local = cp_debuginfod_find(kind, build_id);
	bool ok = local && strlen(local) < CP_ELF_PATH_MAX && open_if_it(e, local, build_id);

	if (ok)
		strcpy(path, local);
	free(local);
	return ok;
}

static bool are_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The kernel splits a mapping where a part of it gets other rights. */
static uint64_t first_offset(const struct cp_profile *p, const struct cp_pprof_mapping *m)
{
	uint64_t first = m->offset;

	for (size_t i = 0; i < p->nmappings; i++) {
		const struct cp_pprof_mapping *other = &p->mappings[i];

		if (are_equal(other->file, m->file) && are_equal(other->build_id, m->build_id))
			first = CP_MIN(first, other->offset);
	}
	return first;
}

static void open_object(struct object *o, const struct cp_profile *p,
			const struct cp_pprof_mapping *m)
{
	memset(o, 0, sizeof(*o));
	o->first = first_offset(p, m);
	snprintf(o->path, sizeof(o->path), "%s", m->file);
	o->has_elf = open_if_it(&o->elf, m->file, m->build_id) ||
		     fetch(CP_DEBUGINFOD_EXECUTABLE, m->build_id, &o->elf, o->path);
	if (!o->has_elf)
		note_id(&o->elf, m->build_id);
	o->has_debug = !cp_elf_open_debug(&o->debug, &o->elf, o->path, o->debug_path);
	if (!o->has_debug && !o->elf.has_lines)
		o->has_debug = fetch(CP_DEBUGINFOD_DEBUG, m->build_id, &o->debug, o->debug_path);
}

static void close_object(struct object *o)
{
	if (o->has_elf)
		cp_elf_close(&o->elf);
	if (o->has_debug)
		cp_elf_close(&o->debug);
}

/* --- addresses ------------------------------------------------------------ */

/* What an address of the process is in the file's own count. The segment is found by
 * the address, not by where the mapping starts: pages shared by two segments, as lld
 * makes them, are in the mappings of both. */
static bool file_address(const struct object *o, const struct cp_pprof_mapping *m, uint64_t addr,
			 uint64_t *out)
{
	const struct cp_elf *e = o->has_elf ? &o->elf : &o->debug;
	uint64_t offset = addr - m->start + m->offset;

	for (unsigned i = 0; i < e->head.e_phnum; i++) {
		uint64_t at = e->head.e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr p;
		bool fits;

		if (!cp_elf_read(&e->src, at, &p, sizeof(p)))
			return false;
		fits = p.p_offset <= offset && offset - p.p_offset < p.p_filesz;
		/* A debug file's offsets are not the object's: its code segment will do. */
		if (!o->has_elf)
			fits = p.p_flags & PF_X;
		if (p.p_type != PT_LOAD || !fits)
			continue;
		*out = o->has_elf ? offset - p.p_offset + p.p_vaddr
				  : offset - o->first + (p.p_vaddr & -CP_PAGE);
		return true;
	}
	return false;
}

static bool has_line(const struct cp_location *l)
{
	for (unsigned i = 0; i < l->nlines; i++)
		if (l->lines[i].line)
			return true;
	return false;
}

static void gather(struct job *j, const struct object *o, const struct cp_pprof_mapping *m)
{
	struct cp_profile *p = j->l->profile;

	j->n = 0;
	for (size_t i = 0; i < p->nlocations; i++) {
		struct cp_location *l = &p->locations[i];

		if (l->mapping != m || has_line(l) ||
		    !file_address(o, m, l->address, &j->addr[j->n]))
			continue;
		memset(&j->w[j->n], 0, sizeof(j->w[j->n]));
		j->w[j->n++].location = l;
	}
}

/* --- answers -------------------------------------------------------------- */

static const struct cp_function *add_function(struct job *j, const char *symbol, const char *file)
{
	char readable[CP_DEMANGLE_MAX];
	struct cp_function *f;

	if (j->nfunctions == j->cap) {
		j->no_memory = true;
		return NULL;
	}
	cp_demangle(symbol, readable, sizeof(readable));
	f = &j->function[j->nfunctions++];
	f->name = kept(j, readable);
	f->system_name = kept(j, symbol);
	f->file = file && *file ? kept(j, file) : "";
	f->start_line = 0;
	return f;
}

static bool room_for_functions(struct job *j)
{
	struct cp_profile *p = j->l->profile;
	size_t cap = 2 * j->cap + 1024;
	struct cp_function *more = take(j, cap * sizeof(*more));

	if (!more)
		return false;
	memcpy(more, j->function, j->nfunctions * sizeof(*more));
	/* All lines point into the table: they move with it. */
	for (size_t i = 0; i < p->nlocations; i++)
		for (unsigned k = 0; k < p->locations[i].nlines; k++) {
			struct cp_profile_line *line =
				(struct cp_profile_line *)&p->locations[i].lines[k];

			line->function = more + (line->function - j->function);
		}
	for (size_t i = 0; i < j->n; i++)
		for (unsigned k = 0; k < j->w[i].ncalls; k++)
			j->w[i].call[k].function = more + (j->w[i].call[k].function - j->function);
	j->function = p->functions = more;
	j->cap = cap;
	return true;
}

static void on_name(void *ctx, size_t i, const char *symbol)
{
	struct job *j = ctx;

	j->w[i].symbol = kept(j, symbol);
}

static void on_call(void *ctx, size_t i, const char *function, const char *file, long line)
{
	struct job *j = ctx;
	struct wanted *w = &j->w[i];

	if (w->ncalls == CP_ARRAY_LEN(w->call) ||
	    (j->nfunctions == j->cap && !room_for_functions(j)))
		return;
	w->call[w->ncalls++] = (struct cp_profile_line){
		add_function(j, *function ? function : "[inlined]", file), line};
}

/* "libfoo.so+0x1234": what names a frame when nothing else does. */
static bool is_address(const char *name)
{
	const char *plus = strrchr(name, '+');

	return plus && !strncmp(plus, "+0x", 3) && plus[3] &&
	       !plus[3 + strspn(plus + 3, "0123456789abcdef")];
}

/* The physical function keeps the name the profile has for it. */
static const char *physical_name(const struct wanted *w)
{
	const struct cp_location *l = w->location;
	const struct cp_function *f = l->nlines ? l->lines[l->nlines - 1].function : NULL;

	if (f && *f->name && !is_address(f->name))
		return *f->system_name ? f->system_name : f->name;
	return w->symbol;
}

static void apply(struct job *j, struct wanted *w)
{
	const char *name = physical_name(w);
	struct cp_profile_line *lines;

	if (!w->ncalls && w->symbol && name == w->symbol)
		on_call(j, (size_t)(w - j->w), w->symbol, "", 0);
	if (!w->ncalls || j->no_memory)
		return;
	if (name) {
		struct cp_profile_line *last = &w->call[w->ncalls - 1];

		if (j->nfunctions == j->cap && !room_for_functions(j))
			return;
		last->function = add_function(j, name, last->function->file);
	}
	lines = take(j, w->ncalls * sizeof(*lines));
	if (!lines)
		return;
	memcpy(lines, w->call, w->ncalls * sizeof(*lines));
	w->location->lines = lines;
	w->location->nlines = w->ncalls;
}

static void note_flags(struct cp_profile *p, struct cp_pprof_mapping *m)
{
	bool all = true;

	for (size_t i = 0; i < p->nlocations; i++) {
		const struct cp_location *l = &p->locations[i];

		if (l->mapping != m)
			continue;
		all = all && l->nlines;
		m->has_inlines = m->has_inlines || l->nlines > 1;
		m->has_lines = m->has_lines || has_line(l);
		for (unsigned k = 0; k < l->nlines; k++)
			m->has_filenames = m->has_filenames || *l->lines[k].function->file;
	}
	m->has_functions = m->has_functions || all;
}

static void symbolize(struct job *j, struct cp_pprof_mapping *m)
{
	struct object o;
	struct cp_asklines q = {.build_id = m->build_id && *m->build_id ? m->build_id : NULL,
				.addr = j->addr,
				.on_name = on_name,
				.on_call = on_call,
				.ctx = j};

	open_object(&o, j->l->profile, m);
	if (o.has_elf || o.has_debug)
		gather(j, &o, m);
	else
		cp_complain("%s: not here, or not the one that was profiled; left as it is",
			    m->file);
	q.path = o.has_elf ? o.path : o.debug_path;
	q.debug = o.has_debug ? o.debug_path : NULL;
	q.n = j->n;
	if (j->n && cp_asklines(&q))
		for (size_t i = 0; i < j->n; i++)
			apply(j, &j->w[i]);
	j->n = 0;
	note_flags(j->l->profile, m);
	close_object(&o);
}

static bool is_used(const struct cp_profile *p, const struct cp_pprof_mapping *m)
{
	if (!m->file || m->file[0] != '/')
		return false;
	for (size_t i = 0; i < p->nlocations; i++)
		if (p->locations[i].mapping == m && !has_line(&p->locations[i]))
			return true;
	return false;
}

static bool symbolize_all(struct cp_load *l)
{
	struct cp_profile *p = l->profile;
	struct job j = {.l = l, .function = p->functions, .nfunctions = p->nfunctions};

	j.cap = j.nfunctions;
	j.w = calloc(p->nlocations + 1, sizeof(*j.w));
	j.addr = calloc(p->nlocations + 1, sizeof(*j.addr));
	if (!j.w || !j.addr || cp_demangle_open())
		j.no_memory = true;
	for (size_t i = 0; i < p->nmappings && !j.no_memory; i++)
		if (is_used(p, &p->mappings[i]))
			symbolize(&j, &p->mappings[i]);
	p->functions = j.function;
	p->nfunctions = j.nfunctions;
	free(j.w);
	free(j.addr);
	cp_demangle_close();
	if (j.no_memory)
		cp_complain("symbolize: out of memory; nothing was written");
	return !j.no_memory;
}

static int run(int argc, char **argv)
{
	struct cp_words files = {NULL, 0}, none = {NULL, 0};
	const char *out = NULL;
	const struct cp_option options[] = {{"o", "output", .text = &out}, {.name = NULL}};
	struct cp_load l;
	int status = CP_STATUS_FAILED;

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_ANYWHERE, &files))
		return CP_STATUS_USAGE;
	if (!files.n || (!out && isatty(STDOUT_FILENO))) {
		cp_complain(files.n ? "symbolize: a profile is not for a terminal; give -o FILE"
				    : "symbolize: no file given; 'cprof help symbolize' says more");
		return CP_STATUS_USAGE;
	}
	if (!cp_load_all(&l, &files, &none))
		return CP_STATUS_FAILED;
	if (symbolize_all(&l))
		status = cp_save(&l, out);
	cp_load_release(&l);
	return status;
}

const struct cp_command cp_command_symbolize = {
	.name = "symbolize",
	.synopsis = "[-o OUT] FILE...",
	.summary = "add lines and inlined calls, from local debug files or debuginfod",
	.help = "  -o OUT        write there, not to standard output\n",
	.run = run,
};
