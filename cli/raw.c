/* SPDX-License-Identifier: MIT */
/*
 * raw.c - cprof raw: all a profile holds, readable
 *
 * Context  the cprof program.
 * Holds    The layout is that of go tool pprof -raw; what that leaves out (default
 *          type, frame filters) comes before "Samples:", only when it is there.
 */
#include "command.h"
#include "load.h"
#include "shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_time(int64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	char date[64], zone[64];

	if (!ns || !localtime_r(&s, &tm))
		return;
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z %Z", &tm);
	printf("Time: %s.%09" PRId64 " %s\n", date, ns % 1000000000, zone);
}

static void print_head(const struct cp_pprof_head *h)
{
	for (unsigned i = 0; i < h->ncomments; i++)
		printf("Comment: %s\n", cp_shown(h->comments[i]));
	if (h->period_type.type[0] || h->period_type.unit[0])
		printf("PeriodType: %s %s\n", cp_shown(h->period_type.type),
		       cp_shown(h->period_type.unit));
	printf("Period: %" PRId64 "\n", h->period);
	print_time(h->time_ns);
	if (h->duration_ns)
		printf("Duration: %.4gs\n", (double)h->duration_ns / 1e9);
	if (h->drop_frames)
		printf("DropFrames: %s\n", cp_shown(h->drop_frames));
	if (h->keep_frames)
		printf("KeepFrames: %s\n", cp_shown(h->keep_frames));
	if (h->doc_url)
		printf("Doc: %s\n", cp_shown(h->doc_url));
}

static void print_types(const struct cp_pprof_head *h)
{
	puts("Samples:");
	for (unsigned i = 0; i < h->ntypes; i++) {
		const struct cp_value_type *t = &h->types[i];
		bool is_default = h->default_type && !strcmp(t->type, h->default_type);

		printf("%s%s/%s%s", i ? " " : "", cp_shown(t->type), cp_shown(t->unit),
		       is_default ? "[dflt]" : "");
	}
	putchar('\n');
}

/* Labels with a text go on one line, those with a number on the next. */
static void print_labels(const struct cp_sample *s, bool text)
{
	const char *before = "                ";

	for (unsigned i = 0; i < s->nlabels; i++) {
		const struct cp_pprof_label *l = &s->labels[i];

		if (!l->str == text)
			continue;
		if (l->str)
			printf("%s%s:[%s]", before, cp_shown(l->key), cp_shown(l->str));
		else
			printf("%s%s:[%" PRId64 "%s%s]", before, cp_shown(l->key), l->num,
			       l->unit ? " " : "", l->unit ? cp_shown(l->unit) : "");
		before = " ";
	}
	if (*before && !before[1])
		putchar('\n');
}

static void print_sample(const struct cp_profile *p, const struct cp_sample *s)
{
	for (unsigned i = 0; i < p->head.ntypes; i++)
		printf(" %10" PRId64, s->values[i]);
	fputs(": ", stdout);
	for (unsigned i = 0; i < s->nlocations; i++)
		printf("%zu ", (size_t)(s->locations[i] - p->locations) + 1);
	putchar('\n');
	print_labels(s, true);
	print_labels(s, false);
}

static void print_line(const struct cp_profile_line *l)
{
	const struct cp_function *f = l->function;

	if (!f) {
		puts("??");
		return;
	}
	printf("%s %s:%" PRId64 " s=%" PRId64, cp_shown(f->name), cp_shown(f->file), l->line,
	       f->start_line);
	if (strcmp(f->name, f->system_name) != 0)
		printf("(%s)", cp_shown(f->system_name));
	putchar('\n');
}

static void print_location(const struct cp_profile *p, const struct cp_location *l)
{
	printf("%6zu: 0x%" PRIx64 " ", (size_t)(l - p->locations) + 1, l->address);
	if (l->mapping)
		printf("M=%zu ", (size_t)(l->mapping - p->mappings) + 1);
	if (l->folded)
		fputs("[F] ", stdout);
	if (!l->nlines)
		putchar('\n');
	for (unsigned i = 0; i < l->nlines; i++) {
		if (i)
			fputs("             ", stdout);
		print_line(&l->lines[i]);
	}
}

static void print_mapping(const struct cp_profile *p, const struct cp_pprof_mapping *m)
{
	printf("%zu: 0x%" PRIx64 "/0x%" PRIx64 "/0x%" PRIx64 " %s %s %s%s%s%s\n",
	       (size_t)(m - p->mappings) + 1, m->start, m->limit, m->offset, cp_shown(m->file),
	       m->build_id ? cp_shown(m->build_id) : "", m->has_functions ? "[FN]" : "",
	       m->has_filenames ? "[FL]" : "", m->has_lines ? "[LN]" : "",
	       m->has_inlines ? "[IN]" : "");
}

static void print_profile(const struct cp_profile *p)
{
	print_head(&p->head);
	print_types(&p->head);
	for (size_t i = 0; i < p->nsamples; i++)
		print_sample(p, &p->samples[i]);
	puts("Locations");
	for (size_t i = 0; i < p->nlocations; i++)
		print_location(p, &p->locations[i]);
	puts("Mappings");
	for (size_t i = 0; i < p->nmappings; i++)
		print_mapping(p, &p->mappings[i]);
}

static int run(int argc, char **argv)
{
	struct cp_words files = {NULL, 0}, bases = {NULL, 0};
	const struct cp_option options[] = {{"base", NULL, .list = &bases}, {.name = NULL}};
	struct cp_load l;

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_ANYWHERE, &files))
		return CP_STATUS_USAGE;
	if (!files.n) {
		cp_complain("raw: no file given; 'cprof help raw' says more");
		return CP_STATUS_USAGE;
	}
	if (!cp_load_all(&l, &files, &bases))
		return CP_STATUS_FAILED;
	print_profile(l.profile);
	cp_load_release(&l);
	return CP_STATUS_OK;
}

const struct cp_command cp_command_raw = {
	.name = "raw",
	.synopsis = "[--base FILE] FILE...",
	.summary = "print all a profile holds, readable",
	.help = "Several files are added up; those given with --base are subtracted.\n\n"
		"  --base FILE   subtract FILE; may be given again\n",
	.run = run,
};
