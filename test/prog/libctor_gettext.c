/* SPDX-License-Identifier: MIT */
/*
 * libctor_gettext.c - a library whose constructor makes the process's first allocation
 * from within gettext, which holds its lock then
 *
 * Context  TEST
 */
#include <libintl.h>

__attribute__((constructor)) static void first(void)
{
	bindtextdomain("cprof-test", "/nowhere");
}
