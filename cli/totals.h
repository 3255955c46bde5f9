/* SPDX-License-Identifier: MIT */
/*
 * totals.h - files that hold what others given with them hold already
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_TOTALS_H
#define CP_CLI_TOTALS_H

#include "options.h"

/* One line, if two of these files, which are added up, are totals of one process. */
void cp_totals_warn(const struct cp_words *files);

#endif
