/* SPDX-License-Identifier: MIT */
/*
 * loader.c - libraries that go away
 *
 * Context  HOST
 * Why      dlclose alone: the loader takes the caller of dlopen for the one
 *          whose RUNPATH counts, so to stand in front of that changes what it
 *          finds. New libraries are met when a sample hits them.
 */
#include "../agent/probe.h"
#include "table.h"

#include <dlfcn.h>
#include <errno.h>

CP_EXPORT int dlclose(void *handle)
{
	int result, host_errno;

	cp_agent_unload_begin();
	result = cp_real.dlclose(handle);
	host_errno = errno;
	cp_agent_unload_end();
	errno = host_errno;
	return result;
}
