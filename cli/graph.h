/* SPDX-License-Identifier: MIT */
/*
 * graph.h - what each function of a profile costs, by itself and with its callees
 *
 * Context  the cprof program.
 * Holds    A node is a function name (or, for an address without a name, the file
 *          it lies in). flat(n): sum of the samples whose leaf is n. cum(n): sum
 *          of the samples n occurs in, once each however often it recurs.
 *          Nodes that are not kept are stepped over: their flat goes nowhere.
 */
#ifndef CP_CLI_GRAPH_H
#define CP_CLI_GRAPH_H

#include "../agent/output/profile.h"
#include "region.h"

struct cp_node {
	const char *name;
	const char *object; /* for a nameless address: the file it lies in, or "" */
	char *shown;	    /* what a table prints */
	int64_t flat, cum;
	size_t seen;	      /* the last sample that counted it, plus one */
	bool kept;	      /* false: stepped over */
	bool inlined, called; /* some caller reached it so; after cp_graph_mark */
};

struct cp_edge {
	uint32_t from, to; /* nodes */
	int64_t weight;
	size_t seen;
	bool used;
	bool inlined; /* every sample of it went through an inlined call */
};

struct cp_graph {
	const struct cp_profile *profile;
	unsigned type; /* which value of a sample */
	struct cp_region *region;
	struct cp_node *nodes;
	size_t nnodes;
	uint32_t *of_function; /* node of profile->functions[i] */
	uint32_t *of_mapping;  /* node of addresses without a name; the last: no mapping */
	struct cp_edge *edges; /* open addressing; cap is a power of two */
	size_t nedges, edge_cap;
};

/* All nodes kept, nothing counted. false: out of memory. */
bool cp_graph_init(struct cp_graph *g, const struct cp_profile *p, unsigned type,
		   struct cp_region *region);
/* Counts flat, cum and edges anew over the kept nodes. false: out of memory. */
bool cp_graph_count(struct cp_graph *g);
/* Says for each node how it is called, leaving out edges lighter than cutoff. */
void cp_graph_mark(struct cp_graph *g, int64_t cutoff);

#endif
