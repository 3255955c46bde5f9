/* SPDX-License-Identifier: MIT */
/*
 * top.c - cprof top: the functions that cost most, as a table
 *
 * Context  the cprof program.
 * Holds    Given the same files, the table is that of go tool pprof -top: same
 *          rows, same order, same digits. Only the frame filters that some other
 *          programs write into profiles (drop_frames) are not applied.
 * Why      Its steps are followed one by one: count over all functions, drop the
 *          small ones, count again, keep the first n, count again. Each time
 *          what was dropped is stepped over, which changes who called whom.
 */
#include "command.h"
#include "graph.h"
#include "load.h"
#include "report.h"
#include "shown.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_NODE 0.005 /* of the total: left out, unless all are asked for */
#define SMALL_EDGE 0.001

struct request {
	const char *type, *rows;
	bool cum, all;
	struct cp_words bases, files;
};

struct table {
	struct cp_graph graph;
	struct cp_node **row;
	size_t rows;	   /* shown */
	size_t candidates; /* that were not too small */
	size_t dropped;	   /* that were */
	int64_t total;
	const char *unit, *shown_unit;
};

static bool is_shown(const struct cp_node *n)
{
	return n->kept && (n->flat || n->cum);
}

static int by_weight(int64_t a, int64_t b)
{
	int64_t x = llabs(a), y = llabs(b);

	return (x < y) - (x > y);
}

static int by_flat(const void *a, const void *b)
{
	const struct cp_node *x = *(struct cp_node *const *)a, *y = *(struct cp_node *const *)b;
	int order = by_weight(x->flat, y->flat);

	if (!order)
		order = strcmp(x->shown, y->shown);
	if (!order)
		order = by_weight(x->cum, y->cum);
	return order ? order : strcmp(x->object, y->object);
}

static int by_cum(const void *a, const void *b)
{
	const struct cp_node *x = *(struct cp_node *const *)a, *y = *(struct cp_node *const *)b;
	int order = by_weight(x->cum, y->cum);

	if (!order)
		order = strcmp(x->shown, y->shown);
	if (!order)
		order = by_weight(x->flat, y->flat);
	return order ? order : strcmp(x->object, y->object);
}

/* The rows in their order, from the graph as it is counted now. */
static void sort_rows(struct table *t, bool cum)
{
	t->rows = 0;
	for (size_t i = 0; i < t->graph.nnodes; i++) {
		if (is_shown(&t->graph.nodes[i]))
			t->row[t->rows++] = &t->graph.nodes[i];
	}
	qsort(t->row, t->rows, sizeof(*t->row), cum ? by_cum : by_flat);
}

static int64_t part_of(int64_t total, double fraction)
{
	return llabs((int64_t)((double)total * fraction));
}

static int64_t sum_flat(const struct cp_graph *g)
{
	int64_t sum = 0;

	for (size_t i = 0; i < g->nnodes; i++)
		sum += g->nodes[i].flat;
	return sum;
}

/* Drops the nodes below cutoff; says how many that were. */
static size_t drop_small(struct cp_graph *g, int64_t cutoff)
{
	size_t dropped = 0;

	for (size_t i = 0; i < g->nnodes; i++) {
		struct cp_node *n = &g->nodes[i];

		if (!is_shown(n) || llabs(n->cum) >= cutoff)
			continue;
		n->kept = false;
		dropped++;
	}
	return dropped;
}

static void keep_first(struct table *t, size_t n)
{
	for (size_t i = n; i < t->rows; i++)
		t->row[i]->kept = false;
}

static bool fill(struct table *t, const struct request *r, size_t most)
{
	int64_t sum, node_cutoff, edge_cutoff;

	if (!cp_graph_count(&t->graph))
		return false;
	sum = sum_flat(&t->graph);
	node_cutoff = r->all ? 0 : part_of(sum, SMALL_NODE);
	edge_cutoff = r->all ? 0 : part_of(sum, SMALL_EDGE);
	t->dropped = node_cutoff ? drop_small(&t->graph, node_cutoff) : 0;
	if (t->dropped && !cp_graph_count(&t->graph))
		return false;
	sort_rows(t, r->cum);
	t->candidates = t->rows;
	if (most && most < t->rows) {
		keep_first(t, most);
		if (!cp_graph_count(&t->graph))
			return false;
		sort_rows(t, r->cum);
	}
	cp_graph_mark(&t->graph, edge_cutoff);
	return true;
}

/* One unit for the whole table: the smallest value must still show. */
static void choose_unit(struct table *t)
{
	int64_t least = 0;
	const char *small, *large;

	for (size_t i = 0; i < t->rows; i++) {
		int64_t v = llabs(t->row[i]->flat ? t->row[i]->flat : t->row[i]->cum);

		if (v && (!least || v < least))
			least = v;
	}
	if (!least)
		least = t->total;
	cp_unit_scale(least, t->unit, CP_UNIT_AUTO, &small);
	cp_unit_scale(t->total, t->unit, CP_UNIT_AUTO, &large);
	if (strcmp(small, large) != 0 && least * 100 < t->total)
		cp_unit_scale(100 * least, t->unit, CP_UNIT_AUTO, &small);
	t->shown_unit = *small ? small : t->unit;
}

static void format(const struct table *t, int64_t value, char *out, size_t cap)
{
	cp_unit_format(value, t->unit, t->shown_unit, out, cap);
}

static const char *trimmed(const char *s)
{
	return s + strspn(s, " ");
}

static void print_summary(const struct table *t)
{
	char value[80], total[80], percent[16];
	int64_t sum = 0;

	for (size_t i = 0; i < t->rows; i++)
		sum += t->row[i]->flat;
	format(t, sum, value, sizeof(value));
	format(t, t->total, total, sizeof(total));
	cp_unit_percent(sum, t->total, percent, sizeof(percent));
	printf("Showing nodes accounting for %s, %s of %s total\n", cp_shown(value),
	       trimmed(percent), cp_shown(total));
	if (!t->total)
		return;
	format(t, part_of(t->total, SMALL_NODE), value, sizeof(value));
	if (t->dropped)
		printf("Dropped %zu node%s (cum <= %s)\n", t->dropped, t->dropped > 1 ? "s" : "",
		       cp_shown(value));
	if (t->rows && t->rows < t->candidates)
		printf("Showing top %zu nodes out of %zu\n", t->rows, t->candidates);
}

static const char *how_called(const struct cp_node *n)
{
	if (!n->inlined)
		return "";
	return n->called ? " (partial-inline)" : " (inline)";
}

static void print_rows(const struct table *t)
{
	int64_t sum = 0;

	puts("      flat  flat%   sum%        cum   cum%");
	for (size_t i = 0; i < t->rows; i++) {
		const struct cp_node *n = t->row[i];
		char flat[80], cum[80], flat_part[16], sum_part[16], cum_part[16];

		sum += n->flat;
		format(t, n->flat, flat, sizeof(flat));
		format(t, n->cum, cum, sizeof(cum));
		cp_unit_percent(n->flat, t->total, flat_part, sizeof(flat_part));
		cp_unit_percent(sum, t->total, sum_part, sizeof(sum_part));
		cp_unit_percent(n->cum, t->total, cum_part, sizeof(cum_part));
		printf("%10s %s %s %10s %s  %s%s\n", cp_shown(flat), flat_part, sum_part,
		       cp_shown(cum), cum_part, cp_shown(n->shown), how_called(n));
	}
}

static bool has_comment(const struct cp_profile *p, const char *text)
{
	for (unsigned i = 0; i < p->head.ncomments; i++) {
		if (!strcmp(p->head.comments[i], text))
			return true;
	}
	return false;
}

/* Which rate let waits go by; "": none did. A mutex file and a block file differ in their names
 * alone. */
static const char *coarse_rates(const struct cp_profile *p, const char *file)
{
	bool mutex = has_comment(p, "mutex_fraction=1"), block = has_comment(p, "block_rate=1");

	if (strstr(file, ".mutex."))
		return mutex ? "" : "CPROF_MUTEX_FRACTION=1 takes all; ";
	if (strstr(file, ".block."))
		return block ? "" : "CPROF_BLOCK_RATE=1 takes all; ";
	return mutex && block ? "" : "CPROF_MUTEX_FRACTION=1 and CPROF_BLOCK_RATE=1 take all; ";
}

static void hint_no_waits(const struct cp_profile *p, const char *file)
{
	const char *rates = coarse_rates(p, file);

	cp_complain("no samples: no thread waited for another%s; %sCPROF_BLOCK_IO=1 brings waits "
		    "in read, poll and sleep into the block profile, and the goroutine profile "
		    "has what every thread does",
		    *rates ? " long enough, or none of the few that are looked at" : "", rates);
}

static void hint_no_samples(const struct cp_profile *p, const char *file)
{
	const char *type = p->head.types[0].type;

	if (!strcmp(type, "contentions"))
		hint_no_waits(p, file);
	else if (!strcmp(type, "threadcreate"))
		cp_complain("no samples: the program made no thread");
	else if (!strcmp(type, "goroutine"))
		cp_complain("no samples: no thread was seen, or nothing changed in that time");
	else if (!strcmp(type, "samples"))
		cp_complain("no samples: the program used no CPU time since the snapshot before");
	else
		cp_complain("no samples: the program did too little for the sampling rate; "
			    "a finer one takes more ('cprof run --rate 1': everything)");
}

/* A table of nothing is what one gets of a program that gave all its memory back, or
 * took less than the rate: say what there is. */
static void hint(const struct cp_profile *p, const struct request *r)
{
	if (!p->nsamples) {
		if (!r->bases.n)
			hint_no_samples(p, r->files.word[0]);
		return;
	}
	for (unsigned i = 0; i < p->head.ntypes; i++) {
		if (cp_report_total(p, i)) {
			cp_complain("nothing of this type; '--type %s' has something",
				    p->head.types[i].type);
			return;
		}
	}
}

static int show(struct cp_load *l, const struct request *r, size_t most)
{
	int type = cp_report_type(l->profile, r->type);
	struct table t = {.total = 0};

	if (type < 0)
		return CP_STATUS_USAGE;
	t.unit = t.shown_unit = l->profile->head.types[type].unit;
	t.total = cp_report_total(l->profile, (unsigned)type);
	if (cp_graph_init(&t.graph, l->profile, (unsigned)type, &l->region))
		t.row = l->region.alloc.alloc(&l->region,
					      t.graph.nnodes * sizeof(struct cp_node *));
	if (!t.row || !fill(&t, r, most)) {
		cp_complain("out of memory");
		return CP_STATUS_FAILED;
	}
	choose_unit(&t);
	cp_report_head(l->profile, (unsigned)type, t.shown_unit);
	print_summary(&t);
	print_rows(&t);
	if (!t.total) {
		fflush(stdout);
		hint(l->profile, r);
	}
	return CP_STATUS_OK;
}

static int run(int argc, char **argv)
{
	struct request r = {.type = NULL};
	const struct cp_option options[] = {
		{"n", "nodecount", .text = &r.rows}, {"cum", NULL, .flag = &r.cum},
		{"all", NULL, .flag = &r.all},	     {"type", "sample_index", .text = &r.type},
		{"base", NULL, .list = &r.bases},    {.name = NULL},
	};
	struct cp_load l;
	long most = 0;
	int status;

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_ANYWHERE, &r.files))
		return CP_STATUS_USAGE;
	if (r.rows && !cp_options_number("-n", r.rows, 1, 1000000000, &most))
		return CP_STATUS_USAGE;
	if (!r.files.n) {
		cp_complain("top: no file given; 'cprof help top' says more");
		return CP_STATUS_USAGE;
	}
	if (!cp_load_all(&l, &r.files, &r.bases))
		return CP_STATUS_FAILED;
	status = show(&l, &r, (size_t)most);
	cp_load_release(&l);
	return status;
}

const struct cp_command cp_command_top = {
	.name = "top",
	.synopsis = "[-n N] [--cum] [--all] [--type TYPE] [--base FILE] FILE...",
	.summary = "show the functions that cost most",
	.help = "Several files are added up; those given with --base are subtracted.\n\n"
		"  -n N          only the first N functions\n"
		"  --cum         sort by cum, a function with all it calls, not by flat\n"
		"  --all         also what is below 0.5% of the total\n"
		"  --type TYPE   inuse_space, inuse_objects, alloc_space, alloc_objects; cpu,\n"
		"                samples; delay, contentions; threadcreate; goroutine\n"
		"  --base FILE   subtract FILE; may be given again\n",
	.run = run,
};
