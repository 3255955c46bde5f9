/* SPDX-License-Identifier: MIT */
/*
 * libctor_array.c - a library whose constructor makes an array of a block longer, which in a
 * program with a malloc of its own is the first call that anything before it sees
 *
 * Context  TEST
 */
// cflags: -fno-builtin
#include <stdlib.h>

__attribute__((constructor)) static void first(void)
{
	free(reallocarray(malloc(10), 3, 10));
}
