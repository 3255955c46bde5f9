/* SPDX-License-Identifier: MIT */
/*
 * sort.c - sorts an array in place (heapsort)
 *
 * Context  ANY
 * Calls    the comparison.
 * Holds    see sort.h
 */
#include "sort.h"

#include <string.h>

/* Word by word: byte by byte, a sort of what has 40 bytes takes three times as long. */
static void swap(char *a, char *b, size_t size)
{
	uint64_t x, y;

	for (; size >= sizeof(x); size -= sizeof(x), a += sizeof(x), b += sizeof(x)) {
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		memcpy(a, &y, sizeof(y));
		memcpy(b, &x, sizeof(x));
	}
	for (size_t i = 0; i < size; i++) {
		char c = a[i];

		a[i] = b[i];
		b[i] = c;
	}
}

/* Lets element `root` sink until both children are no greater. */
static void sink(char *base, size_t root, size_t n, size_t size, cp_compare_fn *compare)
{
	size_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && compare(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (compare(base + root * size, base + child * size) >= 0)
			return;
		swap(base + root * size, base + child * size, size);
		root = child;
	}
}

void cp_sort(void *base, size_t n, size_t size, cp_compare_fn *compare)
{
	char *p = base;

	for (size_t i = n / 2; i-- > 0;)
		sink(p, i, n, size, compare);
	for (size_t end = n; end-- > 1;) {
		swap(p, p + end * size, size);
		sink(p, 0, end, size, compare);
	}
}
