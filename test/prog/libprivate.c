/* SPDX-License-Identifier: MIT */
/*
 * libprivate.c - has a malloc of a version of its own, which no program asks for
 *
 * Context  TEST: preloaded before us. Nobody may come here.
 */
// cflags: -Wl,--version-script=test/prog/libprivate.map
#include <stddef.h>
#include <stdlib.h>

void *nobodys_malloc(size_t n);

__asm__(".symver nobodys_malloc, malloc@PRIVATE_1");

void *nobodys_malloc(size_t n)
{
	(void)n;
	abort();
}
