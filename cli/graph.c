/* SPDX-License-Identifier: MIT */
/*
 * graph.c - what each function of a profile costs, by itself and with its callees
 *
 * Context  the cprof program.
 * Holds    see graph.h; 2 * nedges <= edge_cap.
 * Why      The same graph as go tool pprof's, so that the two agree to the digit:
 *          there, too, a function that is not shown hands nothing to its caller.
 */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_NODE UINT32_MAX

static void *take(struct cp_graph *g, size_t n, size_t size)
{
	void *p = n <= SIZE_MAX / size ? g->region->alloc.alloc(g->region, n * size) : NULL;

	if (p)
		memset(p, 0, n * size);
	return p;
}

static bool is_nameless(const struct cp_function *f)
{
	return !f || !f->name || !f->name[0];
}

/* "[libc.so.6]", as nothing better is known of the address. */
static char *bracketed(struct cp_graph *g, const char *object)
{
	const char *slash = strrchr(object, '/');
	const char *base = slash ? slash + 1 : object;
	size_t n = strlen(base);
	char *s = take(g, n + 3, 1);

	if (s)
		snprintf(s, n + 3, "[%s]", base);
	return s;
}

static bool same_node(const struct cp_node *n, const char *name, const char *object)
{
	return !strcmp(n->name, name) && !strcmp(n->object, object);
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return (h ^ 0xff) * 0x100000001b3;
}

/* Text to node, only while the nodes are made. */
struct names {
	uint32_t *slot; /* node + 1; 0 is empty */
	size_t cap;
};

static uint32_t intern(struct cp_graph *g, const struct names *names, const char *name,
		       const char *object)
{
	uint64_t h = hash_text(hash_text(0xcbf29ce484222325, name), object);
	size_t i = h & (names->cap - 1);
	struct cp_node *n;

	for (; names->slot[i]; i = (i + 1) & (names->cap - 1)) {
		if (same_node(&g->nodes[names->slot[i] - 1], name, object))
			return names->slot[i] - 1;
	}
	n = &g->nodes[g->nnodes];
	n->name = name;
	n->object = object;
	n->shown = name[0] ? (char *)name : object[0] ? bracketed(g, object) : (char *)"<unknown>";
	n->kept = true;
	names->slot[i] = (uint32_t)++g->nnodes;
	return (uint32_t)g->nnodes - 1;
}

static bool shown_is_whole(const struct cp_graph *g)
{
	for (size_t i = 0; i < g->nnodes; i++) {
		if (!g->nodes[i].shown)
			return false;
	}
	return true;
}

static bool make_nodes(struct cp_graph *g, struct names *names)
{
	const struct cp_profile *p = g->profile;

	for (size_t i = 0; i < p->nfunctions; i++) {
		g->of_function[i] = NO_NODE;
		if (!is_nameless(&p->functions[i]))
			g->of_function[i] = intern(g, names, p->functions[i].name, "");
	}
	for (size_t i = 0; i < p->nmappings; i++) {
		const char *file = p->mappings[i].file;

		g->of_mapping[i] = intern(g, names, "", file ? file : "");
	}
	g->of_mapping[p->nmappings] = intern(g, names, "", "");
	return shown_is_whole(g);
}

static bool init_edges(struct cp_graph *g, size_t cap)
{
	g->edges = take(g, cap, sizeof(*g->edges));
	g->edge_cap = g->edges ? cap : 0;
	g->nedges = 0;
	return g->edges;
}

bool cp_graph_init(struct cp_graph *g, const struct cp_profile *p, unsigned type,
		   struct cp_region *region)
{
	size_t most = p->nfunctions + p->nmappings + 1;
	struct names names = {NULL, 64};
	bool ok;

	*g = (struct cp_graph){.profile = p, .type = type, .region = region};
	while (names.cap < 2 * most)
		names.cap *= 2;
	if (most >= NO_NODE)
		return false;
	g->nodes = take(g, most, sizeof(*g->nodes));
	g->of_function = take(g, p->nfunctions + 1, sizeof(*g->of_function));
	g->of_mapping = take(g, p->nmappings + 1, sizeof(*g->of_mapping));
	names.slot = take(g, names.cap, sizeof(*names.slot));
	ok = g->nodes && g->of_function && g->of_mapping && names.slot && make_nodes(g, &names) &&
	     init_edges(g, 1024);
	region->alloc.free(region, names.slot);
	return ok;
}

/* Where the edge is, or the free slot it belongs to. */
static struct cp_edge *edge_slot(const struct cp_graph *g, uint32_t from, uint32_t to)
{
	uint64_t h = ((uint64_t)from << 32 | to) * 0x9e3779b97f4a7c15;
	size_t i = h >> 20 & (g->edge_cap - 1);

	while (g->edges[i].used && (g->edges[i].from != from || g->edges[i].to != to))
		i = (i + 1) & (g->edge_cap - 1);
	return &g->edges[i];
}

static bool grow_edges(struct cp_graph *g)
{
	struct cp_graph old = *g;

	if (!init_edges(g, old.edge_cap * 2))
		return false;
	for (size_t i = 0; i < old.edge_cap; i++) {
		if (old.edges[i].used)
			*edge_slot(g, old.edges[i].from, old.edges[i].to) = old.edges[i];
	}
	g->nedges = old.nedges;
	g->region->alloc.free(g->region, old.edges);
	return true;
}

static bool add_edge(struct cp_graph *g, uint32_t from, uint32_t to, int64_t w, size_t stamp,
		     bool inlined)
{
	struct cp_edge *e = edge_slot(g, from, to);

	if (!e->used) {
		if (2 * (g->nedges + 1) > g->edge_cap) {
			if (!grow_edges(g))
				return false;
			e = edge_slot(g, from, to);
		}
		*e = (struct cp_edge){.from = from, .to = to, .used = true, .inlined = inlined};
		g->nedges++;
	}
	if (e->seen != stamp) {
		e->seen = stamp;
		e->weight += w;
		e->inlined = e->inlined && inlined;
	}
	return true;
}

/* Walking one sample from its root to its leaf. */
struct walk {
	int64_t weight;
	size_t stamp;
	uint32_t parent;
	bool stepped_over; /* since parent */
};

static bool visit(struct cp_graph *g, struct walk *w, uint32_t node, bool inlined)
{
	struct cp_node *n = &g->nodes[node];
	uint32_t parent = w->parent;

	if (!n->kept) {
		w->stepped_over = true;
		return true;
	}
	if (n->seen != w->stamp) {
		n->seen = w->stamp;
		n->cum += w->weight;
	}
	w->parent = node;
	w->stepped_over = false;
	if (parent == NO_NODE || parent == node)
		return true;
	return add_edge(g, parent, node, w->weight, w->stamp, inlined);
}

static uint32_t mapping_node(const struct cp_graph *g, const struct cp_pprof_mapping *m)
{
	return g->of_mapping[m ? (size_t)(m - g->profile->mappings) : g->profile->nmappings];
}

static uint32_t line_node(const struct cp_graph *g, const struct cp_location *l, unsigned line)
{
	const struct cp_function *f = l->lines[line].function;

	if (is_nameless(f))
		return mapping_node(g, l->mapping);
	return g->of_function[f - g->profile->functions];
}

static bool visit_location(struct cp_graph *g, struct walk *w, const struct cp_location *l)
{
	if (!l->nlines)
		return visit(g, w, mapping_node(g, l->mapping), false);
	for (unsigned i = l->nlines; i-- > 0;) {
		if (!visit(g, w, line_node(g, l, i), i + 1 < l->nlines))
			return false;
	}
	return true;
}

static bool count_sample(struct cp_graph *g, const struct cp_sample *s, size_t stamp)
{
	struct walk w = {s->values[g->type], stamp, NO_NODE, false};

	if (!w.weight)
		return true;
	for (unsigned i = s->nlocations; i-- > 0;) {
		if (!visit_location(g, &w, s->locations[i]))
			return false;
	}
	if (w.parent != NO_NODE && !w.stepped_over)
		g->nodes[w.parent].flat += w.weight;
	return true;
}

bool cp_graph_count(struct cp_graph *g)
{
	for (size_t i = 0; i < g->nnodes; i++) {
		g->nodes[i].flat = g->nodes[i].cum = 0;
		g->nodes[i].seen = 0;
	}
	memset(g->edges, 0, g->edge_cap * sizeof(*g->edges));
	g->nedges = 0;
	for (size_t i = 0; i < g->profile->nsamples; i++) {
		if (!count_sample(g, &g->profile->samples[i], i + 1))
			return false;
	}
	return true;
}

void cp_graph_mark(struct cp_graph *g, int64_t cutoff)
{
	for (size_t i = 0; i < g->edge_cap; i++) {
		const struct cp_edge *e = &g->edges[i];

		if (!e->used || llabs(e->weight) < cutoff)
			continue;
		if (e->inlined)
			g->nodes[e->to].inlined = true;
		else
			g->nodes[e->to].called = true;
	}
}
