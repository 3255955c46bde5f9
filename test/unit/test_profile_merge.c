/* SPDX-License-Identifier: MIT */
/*
 * test_profile_merge.c - sums and differences: what is the same, what is not
 *
 * Context  TEST
 */
#include "test/lib/profile_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct cp_value_type two_types[] = {{"contentions", "count"},
						 {"delay", "nanoseconds"}};

/* One process of a program: f calls from g, loaded where `base` says. */
struct process {
	uint64_t base;
	const char *build_id, *file;
	const char *leaf; /* name of the innermost function */
	const char *label;
	int64_t line;
	int64_t values[2];
	int64_t time, duration;
	unsigned ntypes;
	const char *period;
};

static void write_process(const struct process *c, struct kit_bytes *b, struct kit_mem *m)
{
	const char *comment[] = {"same", c->label ? c->label : "x"};
	const struct cp_pprof_head head = {
		.types = two_types,
		.ntypes = c->ntypes ? c->ntypes : 2,
		.time_ns = c->time,
		.duration_ns = c->duration,
		.period_type = {c->period ? c->period : "contentions", "count"},
		.period = 1,
		.comments = comment,
		.ncomments = 2};
	const struct cp_pprof_mapping unused = {.start = 1, .limit = 2, .file = "/bin/main"};
	const struct cp_pprof_mapping lib = {.start = c->base,
					     .limit = c->base + 0x5000,
					     .offset = 0x1000,
					     .file = c->file,
					     .build_id = c->build_id,
					     .has_functions = true};
	struct cp_alloc mem = kit_alloc(m);
	struct cp_sink sink = kit_sink(b);
	struct cp_pprof *p = cp_pprof_open(&head, &sink, &mem);
	const struct cp_pprof_label label = {"thread", c->label, 0, NULL};
	const uint64_t stack[] = {2, 1};
	struct cp_pprof_line line = {0, 3 + c->line};

	cp_pprof_mapping(p, &unused);
	cp_pprof_mapping(p, &lib);
	line.function = cp_pprof_function(p, "g", "g", "g.c", 0);
	cp_pprof_location(p, 2, c->base + 0x10, &line, 1);
	line.function = cp_pprof_function(p, c->leaf, c->leaf, "f.c", 0);
	cp_pprof_location(p, 2, c->base + 0x20, &line, 1);
	cp_pprof_sample(p, stack, 2, c->values, &label, c->label != NULL);
	assert_int_equal(cp_pprof_close(p), 0);
}

static struct cp_profile *process(const struct process *c, struct kit_mem *m)
{
	struct kit_bytes b = {0};
	struct cp_alloc mem = kit_alloc(m);
	struct cp_profile *p;
	const char *why;

	write_process(c, &b, m);
	p = cp_profile_read(b.p, b.len, 1 << 20, &mem, &why);
	assert_non_null(p);
	free(b.p);
	return p;
}

static const struct process first = {.base = 0x10000,
				     .build_id = "aa",
				     .file = "/lib/x",
				     .leaf = "f",
				     .values = {5, 500},
				     .time = 2000,
				     .duration = 10};

static struct cp_profile *merged(const struct process *a, const struct process *b, int64_t factor,
				 struct kit_mem *m)
{
	struct cp_alloc mem = kit_alloc(m);
	const char *why = "none";
	struct cp_profile *p =
		cp_profile_merge(process(a, m), b ? process(b, m) : NULL, factor, &mem, &why);

	assert_non_null(p);
	assert_null(why);
	return p;
}

static void one_binary_at_two_places_matches(void **state)
{
	struct process second = first;
	struct kit_mem m = {0};
	struct cp_profile *p;

	(void)state;
	second.base = 0x7f0000000000;
	second.values[0] = 2;
	second.values[1] = 50;
	second.time = 1000;
	p = merged(&first, &second, 1, &m);
	assert_int_equal(p->nsamples, 1);
	assert_int_equal(p->samples[0].values[0], 7);
	assert_int_equal(p->samples[0].values[1], 550);
	assert_int_equal(p->nlocations, 2);
	assert_int_equal(p->nfunctions, 2);
	assert_int_equal(p->nmappings, 2);
	assert_string_equal(p->mappings[0].file, "/bin/main"); /* first though unused */
	assert_int_equal(p->samples[0].locations[0]->address, 0x10020);
	assert_string_equal(p->samples[0].locations[0]->lines[0].function->name, "f");
	assert_int_equal(p->head.time_ns, 1000);
	assert_int_equal(p->head.duration_ns, 20);
	assert_int_equal(p->head.ncomments, 2);
	kit_release(&m);
}

static void a_difference_keeps_the_rest_only(void **state)
{
	struct process base = first;
	struct kit_mem m = {0};
	struct cp_profile *p;

	(void)state;
	base.base = 0x20000;
	base.time = 1000;
	p = merged(&first, &base, -1, &m);
	assert_int_equal(p->nsamples, 0);
	assert_int_equal(p->nlocations, 0);
	assert_int_equal(p->nfunctions, 0);
	assert_int_equal(p->nmappings, 1);
	assert_int_equal(p->head.time_ns, 2000);
	assert_int_equal(p->head.duration_ns, 10);
	base.values[1] = 600;
	p = merged(&first, &base, -1, &m);
	assert_int_equal(p->nsamples, 1);
	assert_int_equal(p->samples[0].values[0], 0);
	assert_int_equal(p->samples[0].values[1], -100);
	kit_release(&m);
}

/* Each of these makes another stack. */
static void what_differs_stays_apart(void **state)
{
	struct process other[5] = {first, first, first, first, first}, labelled = first;
	struct kit_mem m = {0};

	(void)state;
	labelled.label = "main";
	other[0].build_id = "bb";
	other[1].leaf = "f2";
	other[2].label = "worker";
	other[3].build_id = NULL;
	other[4].line = 1;
	assert_int_equal(merged(&labelled, &other[2], 1, &m)->nsamples, 2);
	assert_int_equal(merged(&labelled, &labelled, 1, &m)->nsamples, 1);
	for (unsigned i = 0; i < CP_ARRAY_LEN(other); i++) {
		struct cp_profile *p = merged(&first, &other[i], 1, &m);

		assert_int_equal(p->nsamples, 2);
		assert_int_equal(p->samples[0].values[0], 5);
		assert_int_equal(p->samples[1].values[0], 5);
	}
	kit_release(&m);
}

static void without_build_id_the_file_decides(void **state)
{
	struct process a = first, b = first;
	struct kit_mem m = {0};

	(void)state;
	a.build_id = NULL;
	b.build_id = NULL;
	b.base = 0x90000;
	assert_int_equal(merged(&a, &b, 1, &m)->nsamples, 1);
	b.file = "/lib/y";
	assert_int_equal(merged(&a, &b, 1, &m)->nsamples, 2);
	kit_release(&m);
}

static void other_types_are_refused_by_name(void **state)
{
	struct process b = first;
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	const char *why = NULL;

	(void)state;
	b.ntypes = 1;
	assert_null(cp_profile_merge(process(&first, &m), process(&b, &m), 1, &mem, &why));
	assert_string_equal(why, "incompatible sample types "
				 "[contentions/count delay/nanoseconds] and [contentions/count]");
	b = first;
	b.period = "space";
	assert_null(cp_profile_merge(process(&first, &m), process(&b, &m), 1, &mem, &why));
	assert_string_equal(why, "incompatible period types [contentions/count] and [space/count]");
	kit_release(&m);
}

static void a_merge_is_written_and_read_alike(void **state)
{
	struct process second = first;
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct kit_bytes b = {0};
	struct cp_sink sink = kit_sink(&b);
	struct cp_profile *p, *back, *none;
	const char *why;

	(void)state;
	second.label = "worker";
	second.build_id = "cc";
	p = merged(&first, &second, 3, &m);
	assert_int_equal(cp_profile_write(p, &sink, &mem), 0);
	back = cp_profile_read(b.p, b.len, 1 << 20, &mem, &why);
	assert_non_null(back);
	assert_int_equal(back->nsamples, 2);
	assert_int_equal(back->samples[1].values[0], 15);
	assert_string_equal(back->samples[1].labels[0].str, "worker");
	none = cp_profile_merge(p, back, -1, &mem, &why);
	assert_non_null(none);
	assert_int_equal(none->nsamples, 0);
	kit_release(&m);
	free(b.p);
}

static void every_failed_allocation_is_answered(void **state)
{
	struct process second = first;
	struct kit_mem data = {0};
	struct cp_profile *a = process(&first, &data), *b;

	(void)state;
	second.leaf = "f2";
	b = process(&second, &data);
	for (size_t n = 1;; n++) {
		struct kit_mem m = {.fail_at = n, .once = n % 2};
		struct cp_alloc mem = kit_alloc(&m);
		struct kit_bytes out = {0};
		struct cp_sink sink = kit_sink(&out);
		const char *why = NULL;
		struct cp_profile *p = cp_profile_merge(a, b, 1, &mem, &why);
		int err = p ? cp_profile_write(p, &sink, &mem) : -1;
		bool hit = m.calls >= n;

		assert_true(p || strstr(why, "memory"));
		kit_release(&m);
		free(out.p);
		if (!hit) {
			assert_int_equal(err, 0);
			assert_true(n > 20);
			break;
		}
		assert_int_not_equal(err, 0);
	}
	kit_release(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_binary_at_two_places_matches),
		cmocka_unit_test(a_difference_keeps_the_rest_only),
		cmocka_unit_test(what_differs_stays_apart),
		cmocka_unit_test(without_build_id_the_file_decides),
		cmocka_unit_test(other_types_are_refused_by_name),
		cmocka_unit_test(a_merge_is_written_and_read_alike),
		cmocka_unit_test(every_failed_allocation_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
