/* SPDX-License-Identifier: MIT */
/*
 * peek.h - copies memory that may not be there
 *
 * Context  HOST, SIGNAL: one or two system calls; cp_peek_choose: three, once.
 * Fails    false when any byte can't be read.
 * Why      The kernel copies safely, by process_vm_readv. But a sandbox may kill for that,
 *          while rt_sigprocmask, the probe, is what libc itself lives on. In one, each page
 *          is probed and then read, which leaves a window of nanoseconds between the two.
 */
#ifndef CP_SAMPLE_PEEK_H
#define CP_SAMPLE_PEEK_H

#include "../rt/across.h"
#include "../rt/atomic.h"
#include "../rt/base.h"
#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

/* Relaxed. Until it is chosen, by probes: what a thread looks at while there is no other stays. */
enum cp_peek_way { CP_PEEK_UNSURE, CP_PEEK_COPIES, CP_PEEK_PROBES };
extern uint32_t cp_peek_way;

/* [HOST, SIGNAL] Before there is a second thread: are we in a sandbox already? Not asked at the
 * start, of which the first look into /proc, and what the kernel has to take back of it at the
 * end, would be a tenth. */
void cp_peek_choose(void);
/* [ANY] The process is, or is about to be: no process_vm_readv from here on. */
void cp_peek_by_probes(void);

CP_INLINE bool cp_peek_probing(void *to, uintptr_t from, size_t n)
{
	if (!cp_sys_readable(from) || !cp_sys_readable(from + n - 1))
		return false;
	cp_copy_across(to, (const void *)from, n);
	return true;
}

/* n <= a page. */
CP_INLINE bool cp_peek(void *to, uintptr_t from, size_t n)
{
	long r;

	if (CP_UNLIKELY(cp_load_rlx(&cp_peek_way) != CP_PEEK_COPIES))
		return cp_peek_probing(to, from, n);
	r = cp_sys_copy(to, from, n);
	if (r >= 0 || r == -EFAULT)
		return r == (long)n;
	return cp_peek_probing(to, from, n); /* a sandbox that only refuses */
}

/* A loaded object's memory, and its loader's, between cp_unload_enter and _leave. Unless
 * enter said to be careful, nobody unmaps it: then a probe is enough. Many sandboxes kill
 * for process_vm_readv, and what an object holds is first read in whatever allocates first. */
CP_INLINE bool cp_peek_object(void *to, uintptr_t from, size_t n, bool careful)
{
	return careful ? cp_peek(to, from, n) : cp_peek_probing(to, from, n);
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
