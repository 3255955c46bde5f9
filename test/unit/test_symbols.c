/* SPDX-License-Identifier: MIT */
/*
 * test_symbols.c - names of this very process: its program, libraries, vDSO, JIT code
 *
 * Context  TEST: the module table is a stand-in, filled from dl_iterate_phdr.
 * Modes    fm-052
 */
#include "agent/control/symbols.h"
#include "agent/rt/buf.h"
#include "agent/sample/module.h"
#include "agent/sample/rules.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static struct cp_module modules[64];
static unsigned nmodules;
static bool gone[64];

/* --- the stand-in ----------------------------------------------------- */

static void take_note(struct cp_module *m, const char *p, size_t size)
{
	for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
		const ElfW(Nhdr) *n = (const void *)(p + at);

		if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4) {
			memcpy(m->build_id, p + at + sizeof(*n) + 4, n->n_descsz);
			m->build_id_len = (uint8_t)n->n_descsz;
		}
		at += sizeof(*n) + CP_ALIGN_UP(n->n_namesz, 4U) + CP_ALIGN_UP(n->n_descsz, 4U);
	}
}

static int take_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct cp_module *m = &modules[nmodules++];

	(void)size;
	(void)arg;
	m->base = info->dlpi_addr;
	m->start = UINTPTR_MAX;
	snprintf(m->path, sizeof(m->path), "%s", info->dlpi_name);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD) {
			m->start = CP_MIN(m->start, (m->base + p->p_vaddr) & -CP_PAGE);
			m->end = CP_ALIGN_UP(m->base + p->p_vaddr + p->p_memsz, CP_PAGE);
		}
		if (p->p_type == PT_NOTE)
			take_note(m, (const char *)m->base + p->p_vaddr, p->p_memsz);
	}
	return 0;
}

unsigned cp_rules_module(uintptr_t pc)
{
	for (unsigned i = 0; i < nmodules; i++)
		if (!gone[i] && pc >= modules[i].start && pc < modules[i].end)
			return i + 1;
	return CP_MODULE_NONE;
}

unsigned cp_module_count(void)
{
	return nmodules;
}

const struct cp_module *cp_module_get(unsigned id)
{
	return &modules[id - 1];
}

/* ---------------------------------------------------------------------- */

static const struct cp_symbol *resolve(struct cp_arena *job, cp_frame f)
{
	const struct cp_symbol *s = NULL;

	assert_int_equal(cp_symbols_resolve(job, &f, 1, &s), 0);
	assert_non_null(s);
	assert_true(s->nlines >= 1);
	return s;
}

static void expect(cp_frame f, const char *name, const char *mangled)
{
	struct cp_arena job = {0};
	const struct cp_symbol *s = resolve(&job, f);

	assert_string_equal(s->line[s->nlines - 1].name, name);
	assert_string_equal(s->line[s->nlines - 1].mangled, mangled);
	assert_ptr_equal(resolve(&job, f), s);
	cp_arena_release(&job);
}

static cp_frame frame_at(const void *p, size_t offset)
{
	uintptr_t addr = (uintptr_t)p + offset;

	return cp_frame_make(cp_rules_module(addr), addr);
}

static CP_NOINLINE void a_static_function(void)
{
	__asm__ volatile("nop; nop; nop; nop");
}

__asm__(".text\n.globl _ZN5outer5innerILi3EEEvi\n.type _ZN5outer5innerILi3EEEvi, @function\n"
	"_ZN5outer5innerILi3EEEvi: nop; nop; ret\n"
	".size _ZN5outer5innerILi3EEEvi, . - _ZN5outer5innerILi3EEEvi\n");
void mangled(void) __asm__("_ZN5outer5innerILi3EEEvi");

static void functions_of_the_program(void **state)
{
	(void)state;
	a_static_function();
	expect(frame_at((void *)a_static_function, 0), "a_static_function", "a_static_function");
	expect(frame_at((void *)a_static_function, 3), "a_static_function", "a_static_function");
	expect(frame_at((void *)mangled, 1), "outer::inner<3>", "_ZN5outer5innerILi3EEEvi");
}

static struct {
	int before[4];
	int lock[10];
} a_static_structure;
int in_a_class[2] __asm__("_ZN5outer4lockE") = {1, 2};

static void variables(void **state)
{
	(void)state;
	expect(frame_at(&a_static_structure, 0), "a_static_structure", "a_static_structure");
	expect(frame_at(a_static_structure.lock, 0), "a_static_structure+0x10",
	       "a_static_structure");
	expect(frame_at(a_static_structure.lock, 4), "a_static_structure+0x14",
	       "a_static_structure");
	expect(frame_at(in_a_class, 0), "outer::lock", "_ZN5outer4lockE");
	expect(frame_at(dlsym(RTLD_DEFAULT, "environ"), 0), "environ", "environ");
}

static void functions_of_libraries(void **state)
{
	(void)state;
	expect(frame_at(dlsym(RTLD_DEFAULT, "malloc"), 5), "malloc", "malloc");
	expect(frame_at(dlsym(RTLD_DEFAULT, "puts"), 5), "puts", "puts");
	expect(frame_at(dlsym(RTLD_DEFAULT, "read"), 5), "read", "read");
}

static void vdso_with_and_without_a_module(void **state)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	ElfW(Sym) found = {0};
	Dl_info info;
	void *p = NULL;

	(void)state;
	(void)found;
	if (!vdso)
		skip();
	/* The loader keeps it under this name. */
	for (unsigned i = 0; i < nmodules && !p; i++)
		if (modules[i].start == vdso) {
			void *h = dlopen(modules[i].path, RTLD_LAZY | RTLD_NOLOAD);

			p = h ? dlsym(h, "__vdso_clock_gettime") : NULL;
		}
	if (!p || !dladdr(p, &info))
		skip();
	expect(frame_at(p, 2), "clock_gettime", "clock_gettime");
	expect(cp_frame_make(0, (uintptr_t)p + 1), "clock_gettime", "clock_gettime");
}

static void synthetic_frames(void **state)
{
	(void)state;
	expect(cp_frame_synth(CP_SYNTH_TABLE_FULL), "[table full]", "[table full]");
	expect(cp_frame_synth(CP_SYNTH_TRUNCATED), "[truncated]", "[truncated]");
	expect(cp_frame_synth(CP_SYNTH_NO_STACK), "[no stack]", "[no stack]");
	expect(cp_frame_synth(CP_SYNTH_SIGNALS_BLOCKED), "[signals blocked]", "[signals blocked]");
}

static void *code_page(int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *p = mmap(NULL, CP_PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static FILE *perf_map(char *path, size_t size)
{
	FILE *map;

	snprintf(path, size, "/tmp/perf-%d.map", getpid());
	map = fopen(path, "wx");
	assert_non_null(map);
	return map;
}

static void code_made_at_run_time(void **state)
{
	char *jit = code_page(-1);
	char path[64], unnamed[64];
	FILE *map = perf_map(path, sizeof(path));

	(void)state;
	fprintf(map, "%lx 20 old name\nnot a line\n%lx 10 LazyCompile:*f /a b.js:3\n", (long)jit,
		(long)jit);
	fprintf(map, "%lx 10 _ZN3jit4codeEv\n%lx 10 g /@a/lodash.clone.1\n", (long)jit + 0x40,
		(long)jit + 0x60);
	fprintf(map, "0x%016lx 0x%08x int Java.has(int)\n%lx 10 cut off", (long)jit + 0x70, 16,
		(long)jit + 0x80);
	fclose(map);
	expect(frame_at(jit, 0x0f), "LazyCompile:*f /a b.js:3", "LazyCompile:*f /a b.js:3");
	expect(frame_at(jit, 0x1f), "old name", "old name");
	expect(frame_at(jit, 0x4f), "jit::code", "_ZN3jit4codeEv");
	expect(frame_at(jit, 0x6f), "g /@a/lodash.clone.1", "g /@a/lodash.clone.1");
	expect(frame_at(jit, 0x7f), "int Java.has(int)", "int Java.has(int)");
	snprintf(unnamed, sizeof(unnamed), "[anon]+0x%lx", (long)jit + 0x80);
	expect(frame_at(jit, 0x80), unnamed, unnamed);
	unlink(path);
	munmap(jit, CP_PAGE);
}

static void say(const char *path, const char *format, const char *page)
{
	FILE *map = fopen(path, "a");

	assert_non_null(map);
	fprintf(map, format, (long)page);
	fclose(map);
}

/* A function is compiled, seen, told of, thrown away, and another comes to its place. */
static void code_that_is_replaced(void **state)
{
	char path[64], unnamed[64], *jit = code_page(-1);

	(void)state;
	snprintf(unnamed, sizeof(unnamed), "[anon]+0x%lx", (long)jit + 4);
	expect(frame_at(jit, 4), unnamed, unnamed);
	fclose(perf_map(path, sizeof(path)));
	expect(frame_at(jit, 4), unnamed, unnamed);
	say(path, "%lx 10 first\n", jit);
	expect(frame_at(jit, 4), "first", "first");
	say(path, "%lx 10 second\n", jit);
	expect(frame_at(jit, 4), "second", "second");
	unlink(path);
	expect(frame_at(jit, 4), unnamed, unnamed);
	munmap(jit, CP_PAGE);
}

/* As .NET does: a file in memory, mapped to be written, and again to be run. */
static void code_in_a_file_in_memory(void **state)
{
	int fd = memfd_create("doublemapper", 0);
	char path[64], *jit;
	FILE *map;

	(void)state;
	assert_int_equal(ftruncate(fd, CP_PAGE), 0);
	jit = code_page(fd);
	map = perf_map(path, sizeof(path));
	fprintf(map, "%lx 10 mapped twice\n", (long)jit);
	fclose(map);
	expect(frame_at(jit, 1), "mapped twice", "mapped twice");
	expect(frame_at(jit, 0x20), "memfd:doublemapper+0x20", "memfd:doublemapper+0x20");
	unlink(path);
	munmap(jit, CP_PAGE);
	close(fd);
}

static unsigned opened(int watch)
{
	char events[4096];
	ssize_t n = read(watch, events, sizeof(events));
	unsigned times = 0;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(events + at);

		times += e->mask == IN_OPEN;
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return times;
}

/* A JIT's mappings are hundreds, and its perf map can be megabytes. */
static void a_perf_map_is_read_once(void **state)
{
	enum { N = 50 };
	const struct cp_symbol *out[N];
	int watch = inotify_init1(IN_NONBLOCK), fd = memfd_create("code", 0);
	struct cp_arena job = {0};
	cp_frame f[N];
	char path[64], *page[N];
	FILE *map = perf_map(path, sizeof(path));

	(void)state;
	assert_int_equal(ftruncate(fd, CP_PAGE), 0);
	for (int i = 0; i < N; i++) {
		page[i] = code_page(i % 2 ? fd : -1);
		f[i] = frame_at(page[i], 8);
		fprintf(map, "%lx 10 function %d\n", (long)page[i], i);
	}
	fclose(map);
	/* Each opening is told of by itself, since it is closed again before the next. */
	assert_true(inotify_add_watch(watch, path, IN_OPEN | IN_CLOSE) > 0);
	assert_int_equal(cp_symbols_resolve(&job, f, N, out), 0);
	assert_int_equal(opened(watch), 1);
	/* Nor again, as long as it says the same. */
	assert_int_equal(cp_symbols_resolve(&job, f, N, out), 0);
	assert_int_equal(opened(watch), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(strtol(out[i]->line[0].name + strlen("function "), NULL, 10), i);
		munmap(page[i], CP_PAGE);
	}
	unlink(path);
	close(watch);
	close(fd);
	cp_arena_release(&job);
}

static void addresses_of_nothing(void **state)
{
	(void)state;
	expect(cp_frame_make(0, 0x3456), "[anon]+0x3456", "[anon]+0x3456");
	expect(cp_frame_make(4000, 0x3456), "[anon]+0x3456", "[anon]+0x3456");
}

static void batches_answer_as_single_calls(void **state)
{
	enum { N = 3000 };
	struct cp_arena job = {0};
	cp_frame *f = calloc(N, sizeof(*f));
	const struct cp_symbol **out = calloc(N, sizeof(*out));
	uintptr_t libc = (uintptr_t)dlsym(RTLD_DEFAULT, "malloc") & -CP_PAGE;

	(void)state;
	for (size_t i = 0; i < N; i++)
		f[i] = i % 3 == 0   ? frame_at((void *)(libc + i * 7919 % 0x20000), 0)
		       : i % 3 == 1 ? frame_at((void *)a_static_function, i % 4)
				    : cp_frame_make(0, 0x400000000 + i % 5);
	assert_int_equal(cp_symbols_resolve(&job, f, N, out), 0);
	for (size_t i = 0; i < N; i++) {
		assert_non_null(out[i]);
		assert_ptr_equal(resolve(&job, f[i]), out[i]);
	}
	cp_arena_release(&job);
	free(f);
	free(out);
}

static void each_frame_lies_in_its_mapping(void **state)
{
	struct cp_arena job = {0};
	struct cp_maps maps;
	char exe[4096] = "";
	const cp_frame frames[] = {
		frame_at((void *)a_static_function, 0),
		frame_at(dlsym(RTLD_DEFAULT, "malloc"), 0),
		cp_frame_make(0, 0x123456),
		cp_frame_make(CP_MODULE_MAX - 1, 0x7123456),
		cp_frame_synth(CP_SYNTH_TABLE_FULL),
	};

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(cp_maps_read(&job, &maps), 0);
	assert_string_equal(maps.map[0].file, exe);
	assert_string_equal(maps.map[maps.n - 1].file, "[cprof]");
	assert_int_equal(cp_maps_of(&maps, frames[0]), 0);
	for (size_t i = 0; i < CP_ARRAY_LEN(frames); i++) {
		const struct cp_map *m = &maps.map[cp_maps_of(&maps, frames[i])];

		assert_true(cp_frame_addr(frames[i]) >= m->start);
		assert_true(cp_frame_addr(frames[i]) < m->end);
	}
	for (size_t i = 2; i < maps.live; i++)
		assert_true(maps.map[i - 1].end <= maps.map[i].start);
	cp_arena_release(&job);
}

static size_t mapping_of(cp_frame f, struct cp_map *copy, char *file)
{
	struct cp_arena job = {0};
	struct cp_maps maps;
	size_t i;

	assert_int_equal(cp_maps_read(&job, &maps), 0);
	i = cp_maps_of(&maps, f);
	*copy = maps.map[i];
	strcpy(file, copy->file);
	i = i < maps.live;
	cp_arena_release(&job);
	return i;
}

/* An unloaded library keeps its mapping, and what comes in its place has another. */
static void unloaded_modules_keep_their_mappings(void **state)
{
	cp_frame f = frame_at(dlsym(RTLD_DEFAULT, "malloc"), 0);
	unsigned id = cp_frame_module(f);
	struct cp_map before, after, successor;
	char file[3][4096];

	(void)state;
	assert_true(mapping_of(f, &before, file[0]));
	gone[id - 1] = true;
	modules[nmodules] = modules[id - 1];
	strcpy(modules[nmodules].path, "/other.so");
	nmodules++;
	assert_false(mapping_of(f, &after, file[1]));
	assert_true(mapping_of(cp_frame_make(nmodules, cp_frame_addr(f)), &successor, file[2]));
	nmodules--;
	gone[id - 1] = false;
	assert_int_equal(before.start, after.start);
	assert_int_equal(before.end, after.end);
	assert_int_equal(before.offset, after.offset);
	assert_string_equal(file[0], file[1]);
}

static void out_of_memory_is_said(void **state)
{
	struct cp_arena job = {.limit = 128UL * 1024};
	enum { N = 20000 };
	cp_frame *f = calloc(N, sizeof(*f));
	const struct cp_symbol **out = calloc(N, sizeof(*out));

	(void)state;
	for (size_t i = 0; i < N; i++)
		f[i] = cp_frame_make(0, 0x700000000 + 16 * i);
	assert_int_equal(cp_symbols_resolve(&job, f, N, out), -12);
	cp_arena_release(&job);
	free(f);
	free(out);
}

/* More names than the cache can hold: the answers are the same each time. */
static void a_full_cache_answers_the_same(void **state)
{
	struct cp_arena job = {0};
	enum { N = 30000 };
	cp_frame *f = calloc(N, sizeof(*f));
	const struct cp_symbol **out = calloc(N, sizeof(*out));

	(void)state;
	for (size_t i = 0; i < N; i++)
		f[i] = cp_frame_make(0, 0x800000000 + 16 * i);
	assert_int_equal(cp_symbols_resolve(&job, f, N, out), 0);
	for (size_t i = 0; i < N; i += 997)
		assert_string_equal(resolve(&job, f[i])->line[0].name, out[i]->line[0].name);
	cp_arena_release(&job);
	free(f);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_the_program),
		cmocka_unit_test(variables),
		cmocka_unit_test(functions_of_libraries),
		cmocka_unit_test(vdso_with_and_without_a_module),
		cmocka_unit_test(synthetic_frames),
		cmocka_unit_test(code_made_at_run_time),
		cmocka_unit_test(code_that_is_replaced),
		cmocka_unit_test(code_in_a_file_in_memory),
		cmocka_unit_test(a_perf_map_is_read_once),
		cmocka_unit_test(addresses_of_nothing),
		cmocka_unit_test(batches_answer_as_single_calls),
		cmocka_unit_test(each_frame_lies_in_its_mapping),
		cmocka_unit_test(unloaded_modules_keep_their_mappings),
		cmocka_unit_test(out_of_memory_is_said),
		cmocka_unit_test(a_full_cache_answers_the_same),
	};

	dl_iterate_phdr(take_object, NULL);
	if (cp_symbols_init(1 << 20))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
