/* SPDX-License-Identifier: MIT */
/*
 * peek.h - copies memory that may not be there
 *
 * Context  HOST, SIGNAL: one or two system calls.
 * Fails    false when any byte can't be read.
 */
#ifndef CP_SAMPLE_PEEK_H
#define CP_SAMPLE_PEEK_H

#include "../rt/base.h"
#include "../rt/sys.h"

#include <string.h>

/* n <= a page. A sandbox may refuse process_vm_readv: then each page is probed
 * and copied, which leaves a window of nanoseconds between the two. */
CP_INLINE bool cp_peek(void *to, uintptr_t from, size_t n)
{
	long r = cp_sys_copy(to, from, n);

	if (r == (long)n)
		return true;
	if (r >= 0 || r == -14 /* EFAULT */)
		return false;
	if (!cp_sys_readable(from) || !cp_sys_readable(from + n - 1))
		return false;
	memcpy(to, (const void *)from, n);
	return true;
}

/* A loaded object's memory, and its loader's, between cp_unload_enter and _leave. Unless
 * enter said to be careful, nobody unmaps it: then a probe is enough. Many sandboxes kill
 * for process_vm_readv, and what an object holds is first read in whatever allocates first. */
CP_INLINE bool cp_peek_object(void *to, uintptr_t from, size_t n, bool careful)
{
	if (careful)
		return cp_peek(to, from, n);
	if (!cp_sys_readable(from) || !cp_sys_readable(from + n - 1))
		return false;
	memcpy(to, (const void *)from, n);
	return true;
}

/* A string of at most cap - 1 bytes, cut there; "" when it can't be read. What
 * follows it in `to` is zero. */
static inline void cp_peek_object_str(char *to, size_t cap, uintptr_t from, bool careful)
{
	size_t have = 0, end = 0;

	while (from && have < cap - 1) {
		size_t n = CP_MIN(cap - 1 - have, CP_PAGE - (from + have) % CP_PAGE);

		if (!cp_peek_object(to + have, from + have, n, careful))
			break;
		have += n;
		while (end < have && to[end])
			end++;
		if (end < have)
			break;
	}
	memset(to + end, 0, cap - end);
}

#endif
