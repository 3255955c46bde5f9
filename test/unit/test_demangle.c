/* SPDX-License-Identifier: MIT */
/*
 * test_demangle.c - readable names, from tables, and from names made to do harm
 *
 * Context  TEST
 */
#include "agent/elf/demangle.h"
#include "agent/rt/atomic.h"
#include "agent/rt/buf.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FORKS 500

struct row {
	const char *symbol, *name;
};

static void check(const struct row *rows, size_t n)
{
	char out[CP_DEMANGLE_MAX];

	for (size_t i = 0; i < n; i++) {
		size_t len = cp_demangle(rows[i].symbol, out, sizeof(out));

		assert_string_equal(out, rows[i].name);
		assert_int_equal(len, strlen(out));
	}
}

static void plain_c(void **state)
{
	static const struct row rows[] = {
		{"main", "main"},
		{"foo.part.0", "foo"},
		{"foo.isra.0.cold", "foo"},
		{"foo.constprop.0", "foo"},
		{"foo.lto_priv.12", "foo"},
		{"foo.cold.7", "foo"},
		{"foo.avx512vl", "foo"},
		{"foo.sse4.2.0", "foo"},
		{"foo.llvm.123.4", "foo"},
		{"foo.arch_x86-64-v3.resolver", "foo"},
		{"main.defaultUsage", "main.defaultUsage"}, /* Go's */
		{"main.(*T).clone", "main.(*T).clone"},
		{"heap.default_allocator", "heap.default_allocator"},
		{"lodash.part.of", "lodash.part.of"},
		{"memcpy@@GLIBC_2.14", "memcpy"},
		{"memcpy@GLIBC_2.2.5", "memcpy"},
		{"caml.dotted.name", "caml.dotted.name"},
		{".cold", ".cold"},
		{"@odd", "@odd"},
		{"_Zzz", "_Zzz"},
		{"_Rust", "_Rust"},
		{"_Z", "_Z"},
		{"", ""},
	};

	(void)state;
	check(rows, CP_ARRAY_LEN(rows));
}

static void cplusplus(void **state)
{
	static const struct row rows[] = {
		{"_ZN3foo3barEi", "foo::bar"},
		{"_Z3fooIiEvT_", "foo<int>"},
		{"_Z3fooi.cold", "foo"},
		{"_Z3fooi.part.0.constprop.1", "foo"},
		{"_ZN3foo3barEv.llvm.1234567", "foo::bar"},
		{"_ZN12_GLOBAL__N_13fooEv", "(anonymous namespace)::foo"},
		{"_Z7( 8:] 04", "_Z7( 8:] 04"}, /* all of it would be parameters */
		{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()"},
		{"_ZZ3fooIiEvT_ENKUliE_clEi", "foo<int>::{lambda(int)#1}::operator()"},
		{"_ZZNK3foo3barEvE3baz_0", "foo::bar::baz"},
		{"_ZZ3fooiE3bar", "foo::bar"},
		{"_ZNKSt6vectorIiSaIiEE4sizeEv", "std::vector<int, std::allocator<int> >::size"},
		{"_ZN3FooC2Ev", "Foo::Foo"},
		{"_ZN3FooD0Ev", "Foo::~Foo"},
		{"_ZN3FooplERKS_", "Foo::operator+"},
		{"_ZN3FooclEv", "Foo::operator()"},
		{"_ZN3FooltERKS_", "Foo::operator<"},
		{"_ZN3FooptEv", "Foo::operator->"},
		{"_ZN3FooixEi", "Foo::operator[]"},
		{"_ZN3FoocvbEv", "Foo::operator bool"},
		{"_Znwm", "operator new"},
		{"_ZdaPv", "operator delete[]"},
		{"_ZN1AIXadL_Z3fooiEEE1bEv", "A<&(foo(int))>::b"},
		{"_ZSt11make_uniqueI3FooJiRKS0_EENSt9_MakeUniqIT_E15__single_objectEDpOT0_",
		 "std::make_unique<Foo, int, Foo const&>"},
		{"_ZNK1AcvT_I1BEEv", "A::operator B<B>"},
		{"_ZThn8_N3Foo3barEv", "non-virtual thunk to Foo::bar"},
		{"_ZNSt8functionIFviEEC1IRZ4mainEUlvE_vEEOT_",
		 "std::function<void (int)>::function<main::{lambda()#1}&, void>"},
	};

	(void)state;
	check(rows, CP_ARRAY_LEN(rows));
}

static void rust(void **state)
{
	static const struct row rows[] = {
		{"_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE",
		 "core::fmt::Formatter::write_str"},
		{"_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE.llvm.99",
		 "core::fmt::Formatter::write_str"},
		{"_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$"
		 "3fmt17h0123456789abcdefE",
		 "<alloc::string::String as core::fmt::Display>::fmt"},
		{"_RNvCsgo9Qv0AhvYd_7mycrate3foo", "mycrate::foo"},
		{"_RNvXCs1234_7mycrateNtB2_3FooNtB2_3Bar3baz",
		 "<mycrate::Foo as mycrate::Bar>::baz"},
		{"_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"},
		{"_RNvC6_123foo3bar", "123foo::bar"},
		{"_RNvC7mycrateu8gdel_5qa", "mycrate::g\303\266del"},
		{"_RNCNvC1a4main0B3_", "a::main::{closure#0}"},
	};

	(void)state;
	check(rows, CP_ARRAY_LEN(rows));
}

/* Each level doubles what is printed: the readable form would have 2^40 letters. */
static void doubling_name(void **state)
{
	char symbol[1024], out[CP_DEMANGLE_MAX];
	struct cp_buf b = CP_BUF(symbol);

	(void)state;
	cp_buf_str(&b, "_Z1fI1AIiiE");
	for (int i = 0; i < 40; i++) {
		cp_buf_str(&b, "S0_IS");
		cp_buf_char(&b, i < 10 ? (char)('0' + i) : (char)('A' + i - 10));
		cp_buf_str(&b, "_S_E");
	}
	cp_buf_str(&b, "Evv");
	cp_demangle(symbol, out, sizeof(out));
	assert_true(strlen(out) < sizeof(out));
}

/* Each level doubles what is looked at before the first letter is printed: one name in another,
 * which is referred to once more. */
static void doubling_search(void **state)
{
	char symbol[1024], out[CP_DEMANGLE_MAX];
	struct cp_buf b = CP_BUF(symbol);

	(void)state;
	cp_buf_str(&b, "_Z1fIDp1BI");
	for (int i = 0; i < 60; i++)
		cp_buf_str(&b, "S0_I");
	cp_buf_str(&b, "1AS1_E");
	for (int i = 0; i < 60; i++) {
		cp_buf_char(&b, 'S');
		if (i + 2 >= 36)
			cp_buf_char(&b, '1');
		cp_buf_char(&b, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(i + 2) % 36]);
		cp_buf_str(&b, "_E");
	}
	cp_buf_str(&b, "Evv");
	cp_demangle(symbol, out, sizeof(out));
	assert_string_equal(out, symbol);
}

/* Each T_I of a conversion is read twice, and what follows it. */
static void doubling_guess(void **state)
{
	char symbol[512], out[CP_DEMANGLE_MAX];
	struct cp_buf b = CP_BUF(symbol);

	(void)state;
	cp_buf_str(&b, "_ZN1Acv");
	for (int i = 0; i < 100; i++)
		cp_buf_str(&b, "T_I");
	cp_demangle(symbol, out, sizeof(out));
	assert_string_equal(out, symbol);
}

/* As many copies of templates as there are of both, multiplied: nine megabytes of stack. */
static void copied_templates(void **state)
{
	char *symbol = malloc(CP_DEMANGLE_MAX), *out = malloc(2 * CP_DEMANGLE_MAX);
	struct cp_buf b = {symbol, 0, CP_DEMANGLE_MAX, false};

	(void)state;
	cp_buf_str(&b, "_Z1fI");
	for (int i = 0; i < 26; i++) {
		cp_buf_char(&b, 'J');
		for (int k = 0; k < 60; k++)
			cp_buf_str(&b, i * 60 + k < 620 ? "1AIiE" : "OT_");
		cp_buf_char(&b, 'E');
	}
	cp_buf_str(&b, "Evv");
	cp_demangle(symbol, out, 2 * CP_DEMANGLE_MAX);
	assert_string_equal(out, symbol);
	free(symbol);
	free(out);
}

/* As deep as the longest name lets it: the demangler must not leave its stack. */
static void deep_names(void **state)
{
	static const char *const letters[] = {"P",  "F", "I",  "N",  "1A", "X",	 "Dp",
					      "St", "J", "L",  "T_", "cv", "sr", "RNv",
					      "NC", "M", "A_", "RS", "g"};
	char *symbol = malloc(CP_DEMANGLE_MAX + 1), *out = malloc(2 * CP_DEMANGLE_MAX);

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(letters); i++)
		for (int start = 0; start < 4; start++) {
			static const char *const starts[] = {"_Z1f", "_ZN1fI", "_R", "_Z1fIX"};
			struct cp_buf b = {symbol, 0, CP_DEMANGLE_MAX, false};

			cp_buf_str(&b, starts[start]);
			while (!b.cut)
				cp_buf_str(&b, letters[i]);
			cp_demangle(symbol, out, 2 * CP_DEMANGLE_MAX);
			assert_true(strlen(out) > 0);
		}
	free(symbol);
	free(out);
}

static void cuts_at_the_callers_size(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(cp_demangle("a_rather_long_name", out, sizeof(out)), 7);
	assert_string_equal(out, "a_rathe");
	assert_int_equal(cp_demangle("_ZN3foo3barEi", out, sizeof(out)), 7);
	assert_string_equal(out, "_ZN3foo");
}

static void without_room_names_stay_mangled(void **state)
{
	char out[64];

	(void)state;
	cp_demangle_close();
	cp_demangle("_ZN3foo3barEi", out, sizeof(out));
	assert_string_equal(out, "_ZN3foo3barEi");
	assert_int_equal(cp_demangle_open(), 0);
	cp_demangle("_ZN3foo3barEi", out, sizeof(out));
	assert_string_equal(out, "foo::bar");
}

/* A job opens and closes the room while some thread of the host's forks. */
static void *opens_and_closes(void *stop)
{
	while (!cp_load_rlx((int *)stop)) {
		cp_demangle_open();
		cp_demangle_close();
	}
	return NULL;
}

static bool child_can_demangle(void)
{
	char out[64];
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		cp_demangle_open();
		cp_demangle("_ZN3foo3barEi", out, sizeof(out));
		_exit(strcmp(out, "foo::bar") != 0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void a_child_forked_meanwhile_can_demangle(void **state)
{
	int stop = 0, good = 0;
	pthread_t thread;

	(void)state;
	cp_demangle_close();
	assert_int_equal(pthread_create(&thread, NULL, opens_and_closes, &stop), 0);
	for (int i = 0; i < FORKS; i++)
		good += child_can_demangle();
	cp_store_rlx(&stop, 1);
	pthread_join(thread, NULL);
	assert_int_equal(good, FORKS);
	assert_int_equal(cp_demangle_open(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_c),
		cmocka_unit_test(cplusplus),
		cmocka_unit_test(rust),
		cmocka_unit_test(doubling_name),
		cmocka_unit_test(doubling_search),
		cmocka_unit_test(doubling_guess),
		cmocka_unit_test(copied_templates),
		cmocka_unit_test(deep_names),
		cmocka_unit_test(cuts_at_the_callers_size),
		cmocka_unit_test(without_room_names_stay_mangled),
		cmocka_unit_test(a_child_forked_meanwhile_can_demangle),
	};

	cp_demangle_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
