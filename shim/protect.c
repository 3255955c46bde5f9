/* SPDX-License-Identifier: MIT */
/*
 * protect.c - memory that the host makes unreadable
 *
 * Context  EARLY, HOST; SIGNAL where the host's own handlers protect memory.
 * Calls    cp_real, probe.h. Never: touch errno.
 * Why      A walk reads the stack that its thread is on where that is, since nothing but what
 *          the thread itself does can take it away: this. Where another thread does it, or the
 *          kernel itself is asked, we don't hear of it.
 */
#include "../agent/probe.h"
#include "table.h"

static void look_at(void *addr, size_t n, int prot)
{
	if (CP_UNLIKELY(!(prot & PROT_READ)))
		cp_probe_unreadable((uintptr_t)addr, n);
}

CP_EXPORT int mprotect(void *addr, size_t n, int prot)
{
	look_at(addr, n, prot);
	return cp_real.mprotect(addr, n, prot);
}

CP_EXPORT int pkey_mprotect(void *addr, size_t n, int prot, int key)
{
	look_at(addr, n, prot);
	return cp_real.pkey_mprotect(addr, n, prot, key);
}
