/* SPDX-License-Identifier: MIT */
/*
 * test_pprof_write.c - the streamed writer, read back by our reader
 *
 * Context  TEST. With the argument `files` it leaves two profiles in the working
 *          directory, for test/cases/pprof-accepts.sh to show to Go's pprof.
 */
#include "test/lib/profile_kit.h"

#include "agent/output/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct cp_value_type heap_types[] = {{"alloc_objects", "count"},
						  {"alloc_space", "bytes"},
						  {"inuse_objects", "count"},
						  {"inuse_space", "bytes"}};
static const char *const comments[] = {"cprof", "rate 524288"};

static const struct cp_pprof_head heap_head = {
	.types = heap_types,
	.ntypes = 4,
	.default_type = "alloc_space",
	.period_type = {"space", "bytes"},
	.period = 524288,
	.time_ns = 1700000000123456789,
	.duration_ns = 42,
	.comments = comments,
	.ncomments = 2,
	.drop_frames = "malloc",
	.keep_frames = "keep",
	.doc_url = "https://example.org/",
};

/* A small profile that has one of everything. */
static int write_small(const struct cp_sink *sink, const struct cp_alloc *mem)
{
	struct cp_pprof *p = cp_pprof_open(&heap_head, sink, mem);
	const struct cp_pprof_mapping exe = {.start = 0x400000,
					     .limit = 0x500000,
					     .offset = 0x1000,
					     .file = "/bin/x",
					     .build_id = "ab01",
					     .has_functions = true,
					     .has_lines = true};
	const struct cp_pprof_mapping lib = {
		.start = 0x7000000, .limit = 0x7100000, .file = "/lib/x.so", .has_functions = true};
	const int64_t values[4] = {1, 2, INT64_MAX, INT64_MIN};
	const uint64_t stack[2] = {1, 2};
	const struct cp_pprof_label labels[] = {
		{"thread", "main", 0, NULL}, {"bytes", NULL, 64, NULL}, {"tid", NULL, 0, "id"},
		{"none", NULL, 0, NULL},     {"empty", "", 0, NULL},	{"", "no key", 0, NULL}};
	struct cp_pprof_line line[2];

	cp_pprof_mapping(p, &exe);
	cp_pprof_mapping(p, &lib);
	cp_pprof_sample(p, stack, 2, values, labels, 6);
	line[0].function = cp_pprof_function(p, "in", "_Z2inv", "in.c", 7);
	line[0].line = 9;
	line[1].function = cp_pprof_function(p, "out", "out", NULL, 0);
	line[1].line = 0;
	cp_pprof_location(p, 1, 0x400010, line, 2);
	cp_pprof_location(p, 2, 0x7000020, line + 1, 1);
	return cp_pprof_close(p);
}

static struct cp_profile *read_back(const struct kit_bytes *b, struct kit_mem *m)
{
	struct cp_alloc mem = kit_alloc(m);
	const char *why = "not set";
	struct cp_profile *p = cp_profile_read(b->p, b->len, 1 << 28, &mem, &why);

	if (!p)
		print_message("%s\n", why);
	assert_non_null(p);
	assert_null(why);
	return p;
}

static void check_head(const struct cp_pprof_head *h)
{
	assert_int_equal(h->ntypes, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(h->types[i].type, heap_types[i].type);
		assert_string_equal(h->types[i].unit, heap_types[i].unit);
	}
	assert_string_equal(h->default_type, "alloc_space");
	assert_string_equal(h->period_type.type, "space");
	assert_string_equal(h->period_type.unit, "bytes");
	assert_int_equal(h->period, 524288);
	assert_int_equal(h->time_ns, 1700000000123456789);
	assert_int_equal(h->duration_ns, 42);
	assert_int_equal(h->ncomments, 2);
	assert_string_equal(h->comments[1], "rate 524288");
	assert_string_equal(h->drop_frames, "malloc");
	assert_string_equal(h->keep_frames, "keep");
	assert_string_equal(h->doc_url, "https://example.org/");
}

static void check_sample(const struct cp_sample *s)
{
	assert_int_equal(s->nlocations, 2);
	assert_true(s->values[0] == 1 && s->values[1] == 2);
	assert_true(s->values[2] == INT64_MAX && s->values[3] == INT64_MIN);
	assert_int_equal(s->nlabels, 3);
	assert_string_equal(s->labels[0].key, "bytes");
	assert_null(s->labels[0].str);
	assert_null(s->labels[0].unit);
	assert_int_equal(s->labels[0].num, 64);
	assert_string_equal(s->labels[1].key, "thread");
	assert_string_equal(s->labels[1].str, "main");
	assert_string_equal(s->labels[2].key, "tid");
	assert_int_equal(s->labels[2].num, 0);
	assert_string_equal(s->labels[2].unit, "id");
}

static void check_small(const struct cp_profile *p)
{
	const struct cp_location *leaf = p->samples[0].locations[0];

	check_head(&p->head);
	assert_int_equal(p->nmappings, 2);
	assert_int_equal(p->nlocations, 2);
	assert_int_equal(p->nfunctions, 2);
	assert_int_equal(p->nsamples, 1);
	assert_string_equal(p->mappings[0].build_id, "ab01");
	assert_null(p->mappings[1].build_id);
	assert_int_equal(p->mappings[0].offset, 0x1000);
	assert_true(p->mappings[0].has_functions && p->mappings[0].has_lines);
	assert_false(p->mappings[0].has_filenames || p->mappings[0].has_inlines);
	assert_true(p->mappings[1].has_functions);
	assert_false(p->mappings[1].has_lines);
	check_sample(&p->samples[0]);
	assert_ptr_equal(leaf, &p->locations[0]);
	assert_ptr_equal(leaf->mapping, &p->mappings[0]);
	assert_int_equal(leaf->address, 0x400010);
	assert_int_equal(leaf->nlines, 2);
	assert_string_equal(leaf->lines[0].function->system_name, "_Z2inv");
	assert_string_equal(leaf->lines[0].function->file, "in.c");
	assert_int_equal(leaf->lines[0].function->start_line, 7);
	assert_int_equal(leaf->lines[0].line, 9);
	assert_string_equal(leaf->lines[1].function->file, "");
}

static void reads_back_as_written(void **state)
{
	struct kit_mem wm = {0}, rm = {0};
	struct kit_bytes b = {0};
	struct cp_alloc mem = kit_alloc(&wm);
	struct cp_sink sink = kit_sink(&b);

	(void)state;
	assert_int_equal(write_small(&sink, &mem), 0);
	assert_int_equal(wm.live, 0);
	check_small(read_back(&b, &rm));
	kit_release(&rm);
	free(b.p);
}

static void an_arena_will_do(void **state)
{
	struct kit_mem wm = {0}, rm = {0};
	struct kit_bytes b = {0};
	struct cp_alloc mem = {kit_take, NULL, &wm};
	struct cp_sink sink = kit_sink(&b);

	(void)state;
	assert_int_equal(write_small(&sink, &mem), 0);
	check_small(read_back(&b, &rm));
	kit_release(&wm);
	kit_release(&rm);
	free(b.p);
}

static void functions_are_deduplicated(void **state)
{
	struct kit_mem m = {0};
	struct kit_bytes b = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct cp_sink sink = kit_sink(&b);
	struct cp_pprof *p = cp_pprof_open(&heap_head, &sink, &mem);
	char name[32];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 1; i <= 5000; i++) {
			snprintf(name, sizeof(name), "f%u", i);
			assert_int_equal(cp_pprof_function(p, name, name, "a.c", 0), i);
		}
	}
	assert_int_equal(cp_pprof_function(p, "f1", "f1", "a.c", 1), 5001);
	assert_int_equal(cp_pprof_function(p, "f1", "f1", "b.c", 0), 5002);
	assert_int_equal(cp_pprof_function(p, "f1", "g1", "a.c", 0), 5003);
	assert_int_equal(cp_pprof_function(p, "f1", "f1", "a.c", 1), 5001);
	assert_int_equal(cp_pprof_close(p), 0);
	assert_int_equal(m.live, 0);
	free(b.p);
}

/* One string larger than every buffer, one stack larger than the pack buffer. */
static void big_things_go_through(void **state)
{
	enum { LONG = 300000, DEEP = 50000 };
	struct kit_mem m = {0}, rm = {0};
	struct kit_bytes b = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct cp_sink sink = kit_sink(&b);
	struct cp_pprof *p = cp_pprof_open(&heap_head, &sink, &mem);
	uint64_t *stack = calloc(DEEP, sizeof(*stack));
	char *name = malloc(LONG + 1);
	const int64_t values[4] = {1, 1, 1, 1};
	struct cp_pprof_line line;
	struct cp_profile *back;

	(void)state;
	memset(name, 'n', LONG);
	name[LONG] = 0;
	for (size_t i = 0; i < DEEP; i++)
		stack[i] = 1;
	line.function = cp_pprof_function(p, name, name, NULL, 0);
	line.line = 0;
	cp_pprof_location(p, 0, 1, &line, 1);
	cp_pprof_sample(p, stack, DEEP, values, NULL, 0);
	assert_int_equal(cp_pprof_close(p), 0);
	assert_int_equal(m.live, 0);
	back = read_back(&b, &rm);
	assert_int_equal(back->samples[0].nlocations, DEEP);
	assert_string_equal(back->functions[0].name, name);
	kit_release(&rm);
	free(stack);
	free(name);
	free(b.p);
}

static void wrong_utf8_is_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"gr\xc3\xbc\xc3\x9f"
		 "e",
		 "gr\xc3\xbc\xc3\x9f"
		 "e"},
		{"\xff", "\\xff"},
		{"a\x80z", "a\\x80z"},
		{"cut \xe2\x82", "cut \\xe2\\x82"},
		{"overlong \xc0\xaf", "overlong \\xc0\\xaf"},
		{"overlong \xe0\x80\x80", "overlong \\xe0\\x80\\x80"},
		{"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"},
		{"too high \xf4\x90\x80\x80", "too high \\xf4\\x90\\x80\\x80"},
		{"\xf0\x9f\x98\x80 twelve bytes\xfe and on",
		 "\xf0\x9f\x98\x80 twelve bytes\\xfe and on"},
		{"0123456789abcdef\xf8", "0123456789abcdef\\xf8"},
	};

	(void)state;
	for (size_t i = 0; i < CP_ARRAY_LEN(cases); i++) {
		char out[256];
		size_t n = cp_utf8_clean(cases[i].in, strlen(cases[i].in), out);

		out[n] = 0;
		assert_string_equal(out, cases[i].out);
		assert_int_equal(cp_utf8_valid(out, n), n);
	}
	assert_int_equal(cp_utf8_valid("ab\0c", 4), 2);
}

static void wrong_utf8_never_gets_out(void **state)
{
	struct kit_mem m = {0}, rm = {0};
	struct kit_bytes b = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct cp_sink sink = kit_sink(&b);
	struct cp_pprof *p = cp_pprof_open(&heap_head, &sink, &mem);
	struct cp_profile *back;

	(void)state;
	assert_int_equal(cp_pprof_function(p, "bad\xff", "bad\xff", "dir/\x80.c", 0), 1);
	assert_int_equal(cp_pprof_function(p, "bad\xff", "bad\xff", "dir/\x80.c", 0), 1);
	assert_int_equal(cp_pprof_function(p, "bad\xfe", "bad\xff", "dir/\x80.c", 0), 2);
	assert_int_equal(cp_pprof_close(p), 0);
	back = read_back(&b, &rm);
	assert_string_equal(back->functions[0].name, "bad\\xff");
	assert_string_equal(back->functions[0].file, "dir/\\x80.c");
	assert_string_equal(back->functions[1].name, "bad\\xfe");
	kit_release(&rm);
	free(b.p);
}

static void sink_errors_stick(void **state)
{
	(void)state;
	for (size_t at = 1; at < 200; at += 7) {
		struct kit_mem m = {0};
		struct kit_bytes b = {.fail_after = at, .err = -ENOSPC};
		struct cp_alloc mem = kit_alloc(&m);
		struct cp_sink sink = kit_sink(&b);

		assert_int_equal(write_small(&sink, &mem), -ENOSPC);
		assert_int_equal(b.failures, 1); /* and nothing is tried after it */
		assert_int_equal(m.live, 0);
		free(b.p);
	}
}

/* An error in the middle of a profile of many writes. */
static void a_full_disk_is_told_once(void **state)
{
	struct kit_mem m = {0};
	struct kit_bytes b = {.fail_after = 40000, .err = -EDQUOT};
	struct cp_alloc mem = kit_alloc(&m);
	struct cp_sink sink = kit_sink(&b);
	struct cp_pprof *p = cp_pprof_open(&heap_head, &sink, &mem);
	uint64_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		int64_t values[4];

		for (unsigned k = 0; k < 4; k++)
			values[k] = (int64_t)(x = x * 6364136223846793005U + 1442695040888963407U);
		cp_pprof_sample(p, NULL, 0, values, NULL, 0);
	}
	assert_int_equal(cp_pprof_close(p), -EDQUOT);
	assert_int_equal(b.failures, 1);
	assert_int_equal(m.live, 0);
	free(b.p);
}

static void every_failed_allocation_is_answered(void **state)
{
	(void)state;
	for (int once = 0; once < 2; once++) {
		for (size_t n = 1;; n++) {
			struct kit_mem m = {.fail_at = n, .once = once};
			struct kit_bytes b = {0};
			struct cp_alloc mem = kit_alloc(&m);
			struct cp_sink sink = kit_sink(&b);
			int err = write_small(&sink, &mem);

			assert_int_equal(m.live, 0);
			free(b.p);
			if (m.calls < n) {
				assert_int_equal(err, 0);
				assert_true(n > 10);
				break;
			}
			assert_int_equal(err, -ENOMEM);
		}
	}
}

/* --- files for Go's pprof to judge -------------------------------------- */

/* Many stacks over functions whose names hold every byte. */
static int write_wide(const struct cp_sink *sink, const struct cp_alloc *mem)
{
	static const struct cp_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	const struct cp_pprof_head head = {.types = types,
					   .ntypes = 2,
					   .period_type = {"cpu", "nanoseconds"},
					   .period = 10000000,
					   .time_ns = 1700000000123456789,
					   .duration_ns = 50000000000};
	const struct cp_pprof_mapping exe = {
		.start = 0x400000, .limit = 0x500000, .file = "/bin/x", .has_functions = true};
	struct cp_pprof *p = cp_pprof_open(&head, sink, mem);
	const int64_t values[2] = {1, 10000000};

	cp_pprof_mapping(p, &exe);
	for (unsigned i = 0; i < 1000; i++) {
		char name[] = {'f', '_', (char)(1 + i % 255), (char)(1 + i / 255), 0};
		struct cp_pprof_line line = {0, 0};

		line.function = cp_pprof_function(p, name, name, "", 0);
		cp_pprof_location(p, 1, 0x400000 + i, &line, 1);
	}
	for (uint64_t i = 0; i < 5000; i++) {
		const uint64_t stack[3] = {1 + i % 1000, 1 + i / 1000, 1 + i / 100};

		cp_pprof_sample(p, stack, 3, values, NULL, 0);
	}
	return cp_pprof_close(p);
}

static int write_file(const char *path,
		      int (*write_it)(const struct cp_sink *sink, const struct cp_alloc *mem))
{
	struct kit_mem m = {0};
	struct kit_bytes b = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct cp_sink sink = kit_sink(&b);
	int err = write_it(&sink, &mem);
	FILE *f = fopen(path, "w");

	if (err || !f || fwrite(b.p, 1, b.len, f) != b.len || fclose(f))
		return 1;
	free(b.p);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_as_written),
		cmocka_unit_test(an_arena_will_do),
		cmocka_unit_test(functions_are_deduplicated),
		cmocka_unit_test(big_things_go_through),
		cmocka_unit_test(wrong_utf8_is_escaped),
		cmocka_unit_test(wrong_utf8_never_gets_out),
		cmocka_unit_test(sink_errors_stick),
		cmocka_unit_test(a_full_disk_is_told_once),
		cmocka_unit_test(every_failed_allocation_is_answered),
	};

	if (argc > 1 && !strcmp(argv[1], "files"))
		return write_file("small.delta.pb.gz", write_small) |
		       write_file("wide.cpu.pb.gz", write_wide);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
