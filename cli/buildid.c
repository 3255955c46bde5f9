/* SPDX-License-Identifier: MIT */
/*
 * buildid.c - what a profile calls a build-id, before it goes anywhere
 *
 * Context  the cprof program.
 */
#include "buildid.h"

#include "../agent/elf/elf.h"

#include <string.h>

bool cp_buildid_is_sound(const char *id)
{
	size_t n = id ? strspn(id, "0123456789abcdefABCDEF") : 0;

	return n && n % 2 == 0 && n <= (size_t)2 * CP_ELF_BUILD_ID_MAX && !id[n];
}
