/* SPDX-License-Identifier: MIT */
/*
 * report.h - what every report says first: which program, which profile, when
 *
 * Context  the cprof program.
 */
#ifndef CP_CLI_REPORT_H
#define CP_CLI_REPORT_H

#include "../agent/output/profile.h"

/* The sample type called name (or numbered so; "inuse_" may be missing in the
 * profile); NULL: the profile's own default. -1 after a complaint. */
int cp_report_type(const struct cp_profile *p, const char *name);

/* Sum of the samples' magnitudes: what the percentages are of. */
int64_t cp_report_total(const struct cp_profile *p, unsigned type);

/* File, build id, comments, type, time, duration: a line each. unit: to show the
 * total in. */
void cp_report_head(const struct cp_profile *p, unsigned type, const char *unit);

#endif
