/* SPDX-License-Identifier: MIT */
/*
 * filter.c - may a system call kill us?
 *
 * Context  ANY
 * Fails    as filter.h says
 */
#include "filter.h"

#include "sys.h"

#include <string.h>

bool cp_filtered(void)
{
	static const char key[] = "\nSeccomp:\t";
	char text[4096];
	long fd = cp_sys_open("/proc/thread-self/status", O_RDONLY, 0);
	long n = fd < 0 ? -1 : cp_sys_read((int)fd, text, sizeof(text) - 1);
	const char *at;

	if (fd >= 0)
		cp_sys_close((int)fd);
	if (n <= 0)
		return true;
	text[n] = 0;
	at = strstr(text, key);
	/* A kernel that knows no filters has no such line. */
	return at ? at[sizeof(key) - 1] != '0' : n == sizeof(text) - 1;
}
