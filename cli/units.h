/* SPDX-License-Identifier: MIT */
/*
 * units.h - values as people read them: 1.50MB, 2.90s, 12.34%
 *
 * Context  the cprof program; pure.
 * Why      The same rules as go tool pprof, digit for digit, so that both show
 *          the same table and scripts that read one can read the other.
 */
#ifndef CP_CLI_UNITS_H
#define CP_CLI_UNITS_H

#include "../agent/rt/base.h"

#define CP_UNIT_AUTO "auto" /* the largest unit that leaves at least 1 */

/* value of unit from, in unit to; *shown is the unit's short name, "" for counts. */
double cp_unit_scale(int64_t value, const char *from, const char *to, const char **shown);

/* The same as text; out has room for any value (48 bytes and the unit's name). */
void cp_unit_format(int64_t value, const char *from, const char *to, char *out, size_t cap);

/* Seven columns: " 1.23%", "  100%". */
void cp_unit_percent(int64_t value, int64_t total, char *out, size_t cap);

#endif
