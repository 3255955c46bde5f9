/* SPDX-License-Identifier: MIT */
/*
 * labels.c - the one order in which a sample's labels stand
 *
 * Context  pure code
 * Calls    strcmp
 * Why      A heap sort of our own: qsort may allocate, and a file with a million
 *          labels in one sample must not cost the square of that.
 */
#include "labels.h"

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

static void swap(struct cp_pprof_label *a, struct cp_pprof_label *b)
{
	struct cp_pprof_label t = *a;

	*a = *b;
	*b = t;
}

/* Lets label[i] sink until no child in [0, n) is larger. */
static void sink(struct cp_pprof_label *label, size_t i, size_t n)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && cp_labels_compare(&label[child], &label[child + 1]) < 0)
			child++;
		if (cp_labels_compare(&label[i], &label[child]) >= 0)
			return;
		swap(&label[i], &label[child]);
	}
}

void cp_labels_sort(struct cp_pprof_label *label, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sink(label, i, n);
	while (n > 1) {
		swap(&label[0], &label[--n]);
		sink(label, 0, n);
	}
}
