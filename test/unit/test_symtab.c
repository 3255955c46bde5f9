/* SPDX-License-Identifier: MIT */
/*
 * test_symtab.c - which symbol an address belongs to, from tables made by hand
 *
 * Context  TEST
 */
#include "agent/control/maps.h"
#include "agent/elf/symtab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TEXT = 1, DATA = 2 };

/* One object: symbols and strings in memory, code at [0x1000, 0x2000). */
static struct {
	Elf64_Sym symbol[64];
	char strings[2048];
	size_t n, used;
} table;
static struct cp_symtab_work work;

static void begin(void)
{
	memset(&table, 0, sizeof(table));
	table.used = 1;
}

static void add(const char *name, uint64_t value, uint64_t size, int bind, int type)
{
	Elf64_Sym *s = &table.symbol[table.n++];

	s->st_name = (Elf64_Word)table.used;
	s->st_value = value;
	s->st_size = size;
	s->st_info = (unsigned char)ELF64_ST_INFO(bind, type);
	s->st_shndx = type == STT_OBJECT ? DATA : TEXT;
	strcpy(table.strings + table.used, name);
	table.used += strlen(name) + 1;
}

static void function(const char *name, uint64_t value, uint64_t size)
{
	add(name, value, size, STB_GLOBAL, STT_FUNC);
}

static void object(struct cp_elf *e)
{
	memset(e, 0, sizeof(*e));
	e->src = (struct cp_elf_source){-1, (uintptr_t)&table, sizeof(table)};
	e->symtab.table = (struct cp_elf_part){0, table.n * sizeof(Elf64_Sym)};
	e->symtab.strings =
		(struct cp_elf_part){offsetof(__typeof__(table), strings), sizeof(table.strings)};
	e->text[e->ntext++] = (struct cp_elf_text){0x1000, 0x2000, TEXT};
}

static const char *name_at(uint64_t addr)
{
	static char name[256];
	/* In company: the answer must not depend on what else is asked. */
	struct cp_symtab_query q[3] = {{.addr = 0x1000}, {.addr = addr}, {.addr = 0x1fff}};
	struct cp_symtab_query alone = {.addr = addr};
	struct cp_elf e;

	object(&e);
	cp_symtab_resolve(&e, &e.symtab, q, 3, &work);
	cp_symtab_resolve(&e, &e.symtab, &alone, 1, &work);
	assert_int_equal(q[1].found, alone.found);
	if (!alone.found)
		return "";
	assert_int_equal(q[1].name, alone.name);
	cp_elf_string(&e.src, &e.symtab.strings, alone.name, name, sizeof(name));
	return name;
}

static void a_sized_symbol_owns_its_bytes_only(void **state)
{
	(void)state;
	begin();
	function("first", 0x1100, 0x20);
	function("second", 0x1140, 0x20);
	assert_string_equal(name_at(0x1100), "first");
	assert_string_equal(name_at(0x111f), "first");
	assert_string_equal(name_at(0x1120), ""); /* a static function was here */
	assert_string_equal(name_at(0x1140), "second");
	assert_string_equal(name_at(0x10ff), "");
}

static void the_innermost_of_nested_ones_is_meant(void **state)
{
	(void)state;
	begin();
	function("outer", 0x1100, 0x100);
	function("inner", 0x1140, 0x10);
	assert_string_equal(name_at(0x113f), "outer");
	assert_string_equal(name_at(0x1148), "inner");
	assert_string_equal(name_at(0x1150), "outer");
}

static void of_aliases_the_nicest_is_taken(void **state)
{
	(void)state;
	begin();
	function("__libc_malloc", 0x1100, 0x10);
	function("malloc", 0x1100, 0x10);
	function("__malloc", 0x1100, 0x10);
	add("fast.localalias", 0x1200, 0x10, STB_LOCAL, STT_FUNC);
	function("fast", 0x1200, 0x10);
	function("_IO_puts", 0x1300, 0x10);
	add("puts", 0x1300, 0x10, STB_WEAK, STT_FUNC);
	function("_ZN1AC2Ev", 0x1400, 0x10);
	function("_ZN1AC1Ev", 0x1400, 0x10);
	add("label", 0x1500, 0x10, STB_LOCAL, STT_NOTYPE);
	add("typed", 0x1500, 0x10, STB_LOCAL, STT_FUNC);
	assert_string_equal(name_at(0x1104), "malloc");
	assert_string_equal(name_at(0x1204), "fast");
	assert_string_equal(name_at(0x1304), "puts");
	assert_string_equal(name_at(0x1404), "_ZN1AC1Ev");
	assert_string_equal(name_at(0x1504), "typed");
}

static void assembler_goes_on_to_the_next_symbol(void **state)
{
	(void)state;
	begin();
	add("bare", 0x1100, 0, STB_LOCAL, STT_NOTYPE);
	function("sized", 0x1200, 0x10);
	add("last", 0x1300, 0, STB_GLOBAL, STT_FUNC);
	assert_string_equal(name_at(0x1100), "bare");
	assert_string_equal(name_at(0x11ff), "bare");
	assert_string_equal(name_at(0x1205), "sized");
	assert_string_equal(name_at(0x1210), ""); /* not bare's any more */
	assert_string_equal(name_at(0x1ffe), "last");
	assert_string_equal(name_at(0x10ff), "");
}

static void data_and_undefined_symbols_name_no_code(void **state)
{
	(void)state;
	begin();
	add("variable", 0x1100, 0x100, STB_GLOBAL, STT_OBJECT);
	function("imported", 0x1100, 0x100);
	table.symbol[1].st_shndx = SHN_UNDEF;
	function("elsewhere", 0x3000, 0x100);
	assert_string_equal(name_at(0x1110), "");
	assert_string_equal(name_at(0x1ff0), "");
}

static void variables_own_bytes_outside_the_code(void **state)
{
	(void)state;
	begin();
	add("structure", 0x4000, 0x100, STB_GLOBAL, STT_OBJECT);
	add("constant", 0x5000, 0x100, STB_GLOBAL, STT_OBJECT);
	table.symbol[1].st_shndx = SHN_ABS;
	add("marker", 0x6000, 0, STB_GLOBAL, STT_OBJECT);
	function("elsewhere", 0x7000, 0x100);
	assert_string_equal(name_at(0x4000), "structure");
	assert_string_equal(name_at(0x40ff), "structure");
	assert_string_equal(name_at(0x4100), "");
	assert_string_equal(name_at(0x5000), "");
	assert_string_equal(name_at(0x6000), "");
	assert_string_equal(name_at(0x7000), "");
}

static void tables_that_lie_are_survived(void **state)
{
	struct cp_symtab_query q = {.addr = 0x1100};
	char name[8];
	struct cp_elf e;

	(void)state;
	begin();
	function("wraps", 0x1000, UINT64_MAX);
	function("far", 0x1100, 0x10);
	table.symbol[1].st_name = 0x7fffffff;
	object(&e);
	e.symtab.table.size = 1UL << 40;
	cp_symtab_resolve(&e, &e.symtab, &q, 1, &work);
	if (q.found)
		cp_elf_string(&e.src, &e.symtab.strings, q.name, name, sizeof(name));
}

static void odd_lines_of_maps(void **state)
{
	static const struct {
		const char *text, *path;
		bool ok, executable;
	} rows[] = {
		{"1000-2000 r-xp 00001000 08:01 12   /bin/a b (deleted) c", "/bin/a b (deleted) c",
		 1, 1},
		{"1000-2000 r-xp 00001000 08:01 12   /bin/gone (deleted)", "/bin/gone", 1, 1},
		{"7ffd0000-7ffd2000 r-xp 00000000 00:00 0      [vdso]", "[vdso]", 1, 1},
		{"1000-2000 rw-p 00000000 00:00 0 ", "", 1, 0},
		{"1000-2000 --xp 00000000 00:00 0", "", 1, 1},
		{"2000-1000 r-xp 00000000 00:00 0", "", 0, 0},
		{"1000-2000", "", 0, 0},
		{"1000-2000 r-x", "", 0, 0},
		{"-2000 r-xp 00000000 00:00 0", "", 0, 0},
		{"zz", "", 0, 0},
		{"", "", 0, 0},
		{"1000-11112222333344445 r-xp 0 0 0", "", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(rows); i++) {
		struct cp_maps_line line;
		char text[128];

		strcpy(text, rows[i].text);
		assert_int_equal(cp_maps_parse(text, &line), rows[i].ok);
		if (!rows[i].ok)
			continue;
		assert_int_equal(line.executable, rows[i].executable);
		assert_int_equal(line.start < line.end, 1);
		assert_string_equal(line.path, rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sized_symbol_owns_its_bytes_only),
		cmocka_unit_test(the_innermost_of_nested_ones_is_meant),
		cmocka_unit_test(of_aliases_the_nicest_is_taken),
		cmocka_unit_test(assembler_goes_on_to_the_next_symbol),
		cmocka_unit_test(data_and_undefined_symbols_name_no_code),
		cmocka_unit_test(variables_own_bytes_outside_the_code),
		cmocka_unit_test(tables_that_lie_are_survived),
		cmocka_unit_test(odd_lines_of_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
