/* SPDX-License-Identifier: MIT */
/*
 * test_profile_read.c - every reason to refuse a file, and what is tolerated
 *
 * Context  TEST
 */
#include "test/lib/profile_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define LIMIT (1UL << 26)

/* Fields of Profile, and the indices of the strings that put_strings writes. */
enum { SAMPLE_TYPE = 1, SAMPLE, MAPPING, LOCATION, FUNCTION, STRING, TIME = 9, COMMENT = 13 };
enum { NONE, TYPE, UNIT, NAME, FILENAME, KEY, NSTRINGS };

static void put_strings(struct kit_bytes *b)
{
	static const char *const s[NSTRINGS] = {"", "allocs", "count", "main", "/bin/x", "key"};

	for (unsigned i = 0; i < NSTRINGS; i++)
		kit_part(b, STRING, s[i], strlen(s[i]));
}

static void put_good(struct kit_bytes *b)
{
	put_strings(b);
	KIT_MESSAGE(b, SAMPLE_TYPE, 1, TYPE, 2, UNIT);
	KIT_MESSAGE(b, MAPPING, 1, 1, 2, 0x1000, 3, 0x2000, 5, FILENAME);
	KIT_MESSAGE(b, FUNCTION, 1, 1, 2, NAME);
	KIT_MESSAGE(b, LOCATION, 1, 1, 2, 1, 3, 0x1004);
	KIT_MESSAGE(b, SAMPLE, 1, 1, 2, 5);
	kit_number(b, TIME, 1700);
}

static struct cp_profile *read_it(const struct kit_bytes *b, struct kit_mem *m, const char **why)
{
	struct cp_alloc mem = kit_alloc(m);

	return cp_profile_read(b->p, b->len, LIMIT, &mem, why);
}

/* Reads and frees b: refused, for a reason that has these words. */
static void refused(struct kit_bytes *b, const char *words)
{
	struct kit_mem m = {0};
	const char *why = NULL;

	assert_null(read_it(b, &m, &why));
	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why, words);
	kit_release(&m);
	free(b->p);
	*b = (struct kit_bytes){0};
}

static void the_good_one_is_read(void **state)
{
	struct kit_bytes b = {0};
	struct kit_mem m = {0};
	const char *why = "none";
	struct cp_profile *p;

	(void)state;
	put_good(&b);
	p = read_it(&b, &m, &why);
	assert_non_null(p);
	assert_null(why);
	assert_int_equal(p->nsamples, 1);
	assert_int_equal(p->samples[0].values[0], 5);
	assert_ptr_equal(p->samples[0].locations[0]->mapping, &p->mappings[0]);
	assert_int_equal(p->head.time_ns, 1700);
	kit_release(&m);
	free(b.p);
}

static void ids_are_checked(void **state)
{
	struct kit_bytes b = {0};

	(void)state;
	put_good(&b);
	KIT_MESSAGE(&b, MAPPING, 2, 0x1000);
	refused(&b, "mapping with id 0");
	put_good(&b);
	KIT_MESSAGE(&b, LOCATION, 3, 0x1000);
	refused(&b, "location with id 0");
	put_good(&b);
	KIT_MESSAGE(&b, FUNCTION, 2, NAME);
	refused(&b, "function with id 0");
	put_good(&b);
	KIT_MESSAGE(&b, MAPPING, 1, 1);
	refused(&b, "two mappings with the id 1");
	put_good(&b);
	KIT_MESSAGE(&b, LOCATION, 1, 77);
	KIT_MESSAGE(&b, LOCATION, 1, 77);
	refused(&b, "two locations with the id 77");
	put_good(&b);
	KIT_MESSAGE(&b, FUNCTION, 1, 1);
	refused(&b, "two functions with the id 1");
}

static void references_are_checked(void **state)
{
	const unsigned char line_of_nobody[] = {0x08, 2, 0x22, 2, 0x08, 9};
	const unsigned char line_of_zero[] = {0x08, 2, 0x22, 0};
	struct kit_bytes b = {0};

	(void)state;
	put_good(&b);
	KIT_MESSAGE(&b, SAMPLE, 1, 9, 2, 5);
	refused(&b, "sample 2 names location 9");
	put_good(&b);
	KIT_MESSAGE(&b, SAMPLE, 1, 0, 2, 5);
	refused(&b, "names location 0");
	put_good(&b);
	kit_part(&b, LOCATION, line_of_nobody, sizeof(line_of_nobody));
	refused(&b, "location 2 names function 9");
	put_good(&b);
	kit_part(&b, LOCATION, line_of_zero, sizeof(line_of_zero));
	refused(&b, "location 2 names function 0");
}

static void types_and_values_are_checked(void **state)
{
	struct kit_bytes b = {0};

	(void)state;
	put_good(&b);
	KIT_MESSAGE(&b, SAMPLE, 1, 1, 2, 5, 2, 6);
	refused(&b, "sample 2 has 2 values, but there are 1 sample types");
	put_good(&b);
	KIT_MESSAGE(&b, SAMPLE, 1, 1);
	refused(&b, "has 0 values");
	put_strings(&b);
	kit_number(&b, TIME, 1700);
	refused(&b, "no sample types");
}

static void strings_are_checked(void **state)
{
	struct kit_bytes b = {0};

	(void)state;
	put_good(&b);
	KIT_MESSAGE(&b, FUNCTION, 1, 2, 2, NSTRINGS);
	refused(&b, "string 6, but its string table has 6");
	put_good(&b);
	KIT_MESSAGE(&b, FUNCTION, 1, 2, 2, UINT64_MAX);
	refused(&b, "string -1");
	put_good(&b);
	kit_number(&b, COMMENT, 99);
	refused(&b, "string 99");
	kit_part(&b, STRING, "x", 1);
	put_good(&b);
	refused(&b, "doesn't begin with");
	KIT_MESSAGE(&b, SAMPLE_TYPE, 1, 0);
	refused(&b, "doesn't begin with");
}

static void the_wire_is_checked(void **state)
{
	struct kit_bytes b = {0};
	const char *page = "<html>404 page not found</html>";

	(void)state;
	kit_write(&b, page, strlen(page));
	refused(&b, "not a pprof profile");
	put_good(&b);
	b.len -= 2;
	refused(&b, "cut off");
	put_good(&b);
	kit_number(&b, SAMPLE, 5);
	refused(&b, "field 2 has the wrong type");
	put_good(&b);
	kit_part(&b, TIME, "x", 1);
	refused(&b, "field 9 has the wrong type");
	put_good(&b);
	kit_part(&b, COMMENT, "\xff", 1);
	refused(&b, "comments");
	put_good(&b);
	kit_part(&b, SAMPLE, "\x08", 1);
	refused(&b, "damaged: Sample at byte 80");
	put_good(&b);
	put_good(&b);
	refused(&b, "two profiles");
	refused(&b, "empty");
}

/* --- gzip --------------------------------------------------------------- */

static void zip(struct kit_bytes *out, size_t functions)
{
	static const struct cp_value_type type = {"allocs", "count"};
	const struct cp_pprof_head head = {.types = &type, .ntypes = 1, .time_ns = 5};
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct cp_sink sink = kit_sink(out);
	struct cp_pprof *p = cp_pprof_open(&head, &sink, &mem);

	for (size_t i = 0; i < functions; i++)
		cp_pprof_function(p, "a", "a", "a", (int64_t)i);
	assert_int_equal(cp_pprof_close(p), 0);
}

static void gzip_is_checked(void **state)
{
	struct kit_bytes b = {0};

	(void)state;
	zip(&b, 1000);
	b.len -= 9;
	refused(&b, "cut off");
	zip(&b, 1000);
	b.len = 5;
	refused(&b, "cut off");
	zip(&b, 1000);
	b.p[b.len - 6] ^= 1; /* its checksum */
	refused(&b, "damaged");
	zip(&b, 1000);
	kit_write(&b, "more", 4);
	refused(&b, "something else after");
	zip(&b, 1);
	zip(&b, 1);
	refused(&b, "two profiles");
}

static void bombs_are_bounded(void **state)
{
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct kit_bytes b = {0};
	const char *why;

	(void)state;
	zip(&b, 100000);
	assert_true(b.len < 500000);
	assert_null(cp_profile_read(b.p, b.len, 500000, &mem, &why));
	assert_non_null(strstr(why, "size limit"));
	assert_true(m.peak < 2000000);
	assert_null(cp_profile_read(b.p, 100, 10, &mem, &why));
	kit_release(&m);
	free(b.p);
	b = (struct kit_bytes){0};
	put_good(&b);
	assert_null(cp_profile_read(b.p, b.len, b.len - 1, &mem, &why));
	assert_non_null(strstr(why, "size limit"));
	assert_non_null(cp_profile_read(b.p, b.len, b.len, &mem, &why));
	kit_release(&m);
	free(b.p);
}

/* --- tolerated ---------------------------------------------------------- */

static void odd_ids_are_fine(void **state)
{
	struct kit_bytes b = {0};
	struct kit_mem m = {0};
	struct cp_profile *p;
	const char *why;

	(void)state;
	put_good(&b);
	for (uint64_t i = 0; i < 3000; i++)
		KIT_MESSAGE(&b, LOCATION, 1, UINT64_MAX - i * i, 3, 0x4000 + i);
	for (uint64_t i = 0; i < 3000; i++)
		KIT_MESSAGE(&b, SAMPLE, 2, 1, 1, UINT64_MAX - i * i);
	p = read_it(&b, &m, &why);
	assert_non_null(p);
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(p->samples[1 + i].locations[0]->address, 0x4000 + i);
	kit_release(&m);
	free(b.p);
}

static void tables_may_come_last(void **state)
{
	struct kit_bytes b = {0};
	struct kit_mem m = {0};
	struct cp_profile *p;
	const char *why;

	(void)state;
	KIT_MESSAGE(&b, SAMPLE, 2, 7, 1, 2, 1, 1); /* unpacked numbers, too */
	KIT_MESSAGE(&b, LOCATION, 1, 2, 2, 9);	   /* a mapping nobody knows: none */
	KIT_MESSAGE(&b, 99, 1, 2);		   /* a field nobody knows */
	put_good(&b);
	p = read_it(&b, &m, &why);
	assert_non_null(p);
	assert_int_equal(p->samples[0].nlocations, 2);
	assert_ptr_equal(p->samples[0].locations[0], &p->locations[0]);
	assert_null(p->locations[0].mapping);
	kit_release(&m);
	free(b.p);
}

static void labels_are_read_as_pprof_does(void **state)
{
	/* value 1; key=num 0 without unit; key=num 3; key=str */
	const unsigned char sample[] = {0x10, 1,    0x1a, 2,	0x08, KEY,  0x1a, 4,	0x08,
					KEY,  0x18, 3,	  0x1a, 4,    0x08, KEY,  0x10, NAME};
	struct kit_bytes b = {0};
	struct kit_mem m = {0};
	struct cp_profile *p;
	const char *why;

	(void)state;
	put_good(&b);
	kit_part(&b, SAMPLE, sample, sizeof(sample));
	p = read_it(&b, &m, &why);
	assert_non_null(p);
	assert_int_equal(p->samples[1].nlabels, 2);
	assert_string_equal(p->samples[1].labels[0].str, "main");
	assert_int_equal(p->samples[1].labels[1].num, 3);
	kit_release(&m);
	free(b.p);
}

static void strings_come_clean(void **state)
{
	struct kit_bytes b = {0};
	struct kit_mem m = {0};
	struct cp_profile *p;
	const char *why;

	(void)state;
	put_good(&b);
	kit_part(&b, STRING, "a\0b\xff", 4);
	KIT_MESSAGE(&b, FUNCTION, 1, 2, 2, NSTRINGS);
	p = read_it(&b, &m, &why);
	assert_non_null(p);
	assert_string_equal(p->functions[1].name, "a\\x00b\\xff");
	kit_release(&m);
	free(b.p);
}

static void comments_may_be_packed(void **state)
{
	const unsigned char packed[] = {NAME, KEY};
	struct kit_bytes b = {0};
	struct kit_mem m = {0};
	struct cp_profile *p;
	const char *why;

	(void)state;
	put_good(&b);
	kit_number(&b, COMMENT, FILENAME);
	kit_part(&b, COMMENT, packed, 2);
	p = read_it(&b, &m, &why);
	assert_non_null(p);
	assert_int_equal(p->head.ncomments, 3);
	assert_string_equal(p->head.comments[0], "/bin/x");
	assert_string_equal(p->head.comments[2], "key");
	kit_release(&m);
	free(b.p);
}

/* --- memory ------------------------------------------------------------- */

static void every_failed_allocation_is_answered(void **state)
{
	struct kit_bytes b = {0};

	(void)state;
	put_good(&b);
	KIT_MESSAGE(&b, LOCATION, 1, 50);
	for (size_t n = 1;; n++) {
		struct kit_mem m = {.fail_at = n, .once = n % 2};
		const char *why = NULL;
		struct cp_profile *p = read_it(&b, &m, &why);
		bool hit = m.calls >= n;

		kit_release(&m);
		if (!hit) {
			assert_non_null(p);
			assert_true(n > 10);
			break;
		}
		assert_null(p);
		assert_non_null(strstr(why, "memory"));
	}
	free(b.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_good_one_is_read),
		cmocka_unit_test(ids_are_checked),
		cmocka_unit_test(references_are_checked),
		cmocka_unit_test(types_and_values_are_checked),
		cmocka_unit_test(strings_are_checked),
		cmocka_unit_test(the_wire_is_checked),
		cmocka_unit_test(gzip_is_checked),
		cmocka_unit_test(bombs_are_bounded),
		cmocka_unit_test(odd_ids_are_fine),
		cmocka_unit_test(tables_may_come_last),
		cmocka_unit_test(labels_are_read_as_pprof_does),
		cmocka_unit_test(strings_come_clean),
		cmocka_unit_test(comments_may_be_packed),
		cmocka_unit_test(every_failed_allocation_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
