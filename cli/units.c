/* SPDX-License-Identifier: MIT */
/*
 * units.c - values as people read them
 *
 * Context  the cprof program; pure.
 * Holds    Within a kind the units go from small to large.
 */
#include "units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *shown;
	const char *alias[4]; /* lower case, without a plural s */
	double factor;
};

struct kind {
	struct unit fallback; /* for what none of the units fits */
	struct unit unit[6];
};

static const struct kind kinds[] = {
	{
		{"B", {NULL}, 1},
		{
			{"B", {"b", "byte"}, 1},
			{"kB", {"kb", "kbyte", "kilobyte"}, 0x1p10},
			{"MB", {"mb", "mbyte", "megabyte"}, 0x1p20},
			{"GB", {"gb", "gbyte", "gigabyte"}, 0x1p30},
			{"TB", {"tb", "tbyte", "terabyte"}, 0x1p40},
			{"PB", {"pb", "pbyte", "petabyte"}, 0x1p50},
		},
	},
	{
		{"s", {NULL}, 1e9},
		{
			{"ns", {"ns", "nanosecond"}, 1},
			{"us", {"us", "microsecond", "\u03bcs"}, 1e3},
			{"ms", {"ms", "millisecond"}, 1e6},
			{"s", {"s", "sec", "second"}, 1e9},
			{"hrs", {"hour", "hr"}, 3600e9},
		},
	},
};

static bool is_alias(const struct unit *u, const char *name)
{
	for (size_t i = 0; i < CP_ARRAY_LEN(u->alias) && u->alias[i]; i++) {
		if (!strcmp(u->alias[i], name))
			return true;
	}
	return false;
}

/* "Bytes" and "byte" are one unit; "s" keeps its letter. */
static const struct unit *find_unit(const struct kind *k, const char *name)
{
	char plain[32];
	size_t n = strlen(name);

	if (n >= sizeof(plain))
		return NULL;
	for (size_t i = 0; i <= n; i++)
		plain[i] = (char)tolower((unsigned char)name[i]);
	if (n > 2 && plain[n - 1] == 's')
		plain[n - 1] = 0;
	for (size_t i = 0; i < CP_ARRAY_LEN(k->unit) && k->unit[i].shown; i++) {
		if (is_alias(&k->unit[i], plain))
			return &k->unit[i];
	}
	return NULL;
}

/* The largest unit of which value, in the smallest, is at least one. */
static const struct unit *best_unit(const struct kind *k, double value)
{
	const struct unit *best = &k->fallback;

	for (size_t i = 0; i < CP_ARRAY_LEN(k->unit) && k->unit[i].shown; i++) {
		if (value / k->unit[i].factor >= 1.0)
			best = &k->unit[i];
	}
	return best;
}

static bool is_auto(const char *to)
{
	return !strcmp(to, CP_UNIT_AUTO);
}

static double scale_magnitude(double value, const char *from, const char *to, const char **shown)
{
	for (size_t i = 0; i < CP_ARRAY_LEN(kinds); i++) {
		const struct unit *f = find_unit(&kinds[i], from);
		const struct unit *t;

		if (!f)
			continue;
		t = is_auto(to) ? best_unit(&kinds[i], value * f->factor)
				: find_unit(&kinds[i], to);
		if (!t)
			t = &kinds[i].fallback;
		*shown = t->shown;
		return value * f->factor / t->factor;
	}
	*shown = is_auto(to) || !strcmp(to, "count") || !strcmp(to, "sample") || !strcmp(to, "unit")
			 ? ""
			 : to;
	return value;
}

double cp_unit_scale(int64_t value, const char *from, const char *to, const char **shown)
{
	double v = scale_magnitude(fabs((double)value), from, to, shown);

	return value < 0 ? -v : v;
}

void cp_unit_format(int64_t value, const char *from, const char *to, char *out, size_t cap)
{
	const char *shown;
	double v = cp_unit_scale(value, from, to, &shown);
	char number[400]; /* any double in full */
	size_t n = (size_t)snprintf(number, sizeof(number), "%.2f", v);

	if (n > 3 && !strcmp(number + n - 3, ".00"))
		number[n - 3] = 0;
	if (!strcmp(number, "0") || !strcmp(number, "-0"))
		shown = "";
	snprintf(out, cap, "%s%s", number, shown);
	if (!strcmp(number, "-0"))
		snprintf(out, cap, "0");
}

void cp_unit_percent(int64_t value, int64_t total, char *out, size_t cap)
{
	double ratio = total ? fabs((double)value / (double)total) * 100 : 0;

	if (ratio >= 99.95 && ratio <= 100.05)
		snprintf(out, cap, "  100%%");
	else
		snprintf(out, cap, ratio >= 1 ? "%5.2f%%" : "%5.2g%%", ratio);
}
