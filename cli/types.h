/* SPDX-License-Identifier: MIT */
/*
 * types.h - the profiles that --profiles names
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_TYPES_H
#define CP_CLI_TYPES_H

#include "../agent/rt/base.h"

/* Adds the bits, 1 << CP_TYPE_..., of a comma list; NULL and "all" add none, which
 * asks for all. False after a complaint. */
bool cp_types_parse(const char *list, uint8_t *types);
/* What CP_TYPE_... is called, in files' names too; NULL: there is no such type. */
const char *cp_types_name(unsigned type);

#endif
