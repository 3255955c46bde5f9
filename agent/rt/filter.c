/* SPDX-License-Identifier: MIT */
/*
 * filter.c - may a system call kill us?
 *
 * Context  ANY
 * Shared   last: relaxed; any thread's answer will do for another that gets none.
 * Fails    as filter.h says
 */
#include "filter.h"

#include "atomic.h"
#include "sys.h"

#include <string.h>

static bool last = true;

bool cp_filtered(void)
{
	static const char key[] = "\nSeccomp:\t";
	char text[4096];
	long fd = cp_sys_open("/proc/thread-self/status", O_RDONLY, 0);
	long n = fd < 0 ? -1 : cp_sys_read((int)fd, text, sizeof(text) - 1);
	const char *at;
	bool filtered;

	if (fd >= 0)
		cp_sys_close((int)fd);
	if (n <= 0)
		return cp_load_rlx(&last);
	text[n] = 0;
	at = strstr(text, key);
	/* A kernel that knows no filters has no such line. */
	filtered = at ? at[sizeof(key) - 1] != '0' : n == sizeof(text) - 1;
	cp_store_rlx(&last, filtered);
	return filtered;
}
