/* SPDX-License-Identifier: MIT */
/*
 * filter.c - may a system call kill us?
 *
 * Context  ANY
 * Shared   st: relaxed. shut_in is set before the host's filter is there, by the thread that
 *          then puts it on others, or forks those that have it.
 * Fails    as filter.h says
 */
#include "filter.h"

#include "atomic.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

static struct {
	bool was_free; /* when it was last read there was no filter */
	bool shut_in;
} st;

void cp_filter_shut_in(void)
{
	cp_store_rlx(&st.shut_in, true);
}

bool cp_filter_is_own(void)
{
	return cp_load_rlx(&st.shut_in);
}

bool cp_filter_is_none(void)
{
	return cp_load_rlx(&st.was_free) && !cp_load_rlx(&st.shut_in);
}

static bool note(bool filtered)
{
	cp_store_rlx(&st.was_free, !filtered);
	return filtered;
}

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
		return fd != -ENOENT || cp_load_rlx(&st.shut_in) || !cp_load_rlx(&st.was_free);
	text[n] = 0;
	at = strstr(text, key);
	/* A kernel that knows no filters has no such line. */
	return note(at ? at[sizeof(key) - 1] != '0' : n == sizeof(text) - 1);
}
