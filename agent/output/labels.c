/* SPDX-License-Identifier: MIT */
/*
 * labels.c - the one order in which a sample's labels stand
 *
 * Context  pure code
 * Calls    rt/sort, strcmp
 */
#include "labels.h"

#include "../rt/sort.h"

#include <string.h>

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return !a - !b;
	return strcmp(a, b);
}

int cp_labels_compare(const struct cp_pprof_label *a, const struct cp_pprof_label *b)
{
	int c = compare_text(a->key, b->key);

	if (!c)
		c = compare_text(a->str, b->str);
	if (!c)
		c = (a->num > b->num) - (a->num < b->num);
	return c ? c : compare_text(a->unit, b->unit);
}

static int compare(const void *a, const void *b)
{
	return cp_labels_compare(a, b);
}

void cp_labels_sort(struct cp_pprof_label *label, size_t n)
{
	cp_sort(label, n, sizeof(*label), compare);
}
