/* SPDX-License-Identifier: MIT */
/*
 * types.c - the profiles that --profiles names
 *
 * Context  the cprof program.
 */
#include "types.h"

#include "../agent/control/request.h"
#include "command.h"

#include <string.h>

static const char *const names[CP_TYPES] = {
	[CP_TYPE_CPU] = "cpu",
	[CP_TYPE_HEAP] = "heap",
	[CP_TYPE_ALLOCS] = "allocs",
	[CP_TYPE_THREADCREATE] = "threadcreate",
	[CP_TYPE_MUTEX] = "mutex",
	[CP_TYPE_BLOCK] = "block",
	[CP_TYPE_GOROUTINE] = "goroutine",
};

const char *cp_types_name(unsigned type)
{
	return type < CP_TYPES ? names[type] : NULL;
}

static bool add(uint8_t *types, const char *name, size_t len)
{
	if (len == 7 && !memcmp(name, "threads", len)) /* what it is, without Go */
		return add(types, "goroutine", 9);
	for (unsigned i = 0; i < CP_TYPES; i++) {
		if (names[i] && strlen(names[i]) == len && !memcmp(names[i], name, len)) {
			*types |= (uint8_t)(1U << i);
			return true;
		}
	}
	cp_complain("--profiles '%.*s': all, or cpu, heap, allocs, threadcreate, mutex, block and "
		    "goroutine are accepted",
		    (int)len, name);
	return false;
}

bool cp_types_parse(const char *list, uint8_t *types)
{
	if (list && !strcmp(list, "all")) /* as CPROF_PROFILES has it */
		return true;
	while (list && *list) {
		size_t len = strcspn(list, ",");

		if (!add(types, list, len))
			return false;
		list += len + (list[len] != 0);
	}
	return true;
}
