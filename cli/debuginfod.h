/* SPDX-License-Identifier: MIT */
/*
 * debuginfod.h - files by their build-id, from the servers of DEBUGINFOD_URLS
 *
 * Context  the cprof program; may wait for the network.
 */
#ifndef CP_CLI_DEBUGINFOD_H
#define CP_CLI_DEBUGINFOD_H

#include "../agent/rt/base.h"

enum cp_debuginfod_kind { CP_DEBUGINFOD_DEBUG, CP_DEBUGINFOD_EXECUTABLE };

/* The path of a local copy, which the caller frees; NULL when no server is named or
 * has it. Says so once when servers are named and can't be asked. */
char *cp_debuginfod_find(enum cp_debuginfod_kind kind, const char *build_id);

#endif
