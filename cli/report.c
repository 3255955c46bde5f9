/* SPDX-License-Identifier: MIT */
/*
 * report.c - what every report says first: which program, which profile, when
 *
 * Context  the cprof program.
 * Why      The same lines as go tool pprof's, in the same order.
 */
#include "report.h"

#include "command.h"
#include "shown.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool is_type(const struct cp_value_type *t, const char *name)
{
	static const char inuse[] = "inuse_";

	if (!strcmp(t->type, name))
		return true;
	return !strncmp(name, inuse, strlen(inuse)) && !strcmp(t->type, name + strlen(inuse));
}

static void complain_about_type(const struct cp_profile *p, const char *name)
{
	char all[256];
	size_t len = 0;

	all[0] = 0;
	for (unsigned i = 0; i < p->head.ntypes && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
					p->head.types[i].type);
	cp_complain("type '%s': this profile has %s", name, all);
}

int cp_report_type(const struct cp_profile *p, const char *name)
{
	const char *wanted = name ? name : p->head.default_type;
	char *end;
	unsigned long number;

	for (unsigned i = 0; wanted && i < p->head.ntypes; i++) {
		if (is_type(&p->head.types[i], wanted))
			return (int)i;
	}
	if (!name)
		return (int)p->head.ntypes - 1;
	number = strtoul(name, &end, 10);
	if (*name >= '0' && *name <= '9' && !*end && number < p->head.ntypes)
		return (int)number;
	complain_about_type(p, name);
	return -1;
}

int64_t cp_report_total(const struct cp_profile *p, unsigned type)
{
	int64_t total = 0;

	for (size_t i = 0; i < p->nsamples; i++)
		total += llabs(p->samples[i].values[type]);
	return total;
}

static void print_program(const struct cp_profile *p)
{
	const char *file = p->nmappings ? p->mappings[0].file : "";
	const char *slash = strrchr(file, '/');

	if (*file)
		printf("File: %s\n", cp_shown(slash ? slash + 1 : file));
	if (p->nmappings && p->mappings[0].build_id)
		printf("Build ID: %s\n", cp_shown(p->mappings[0].build_id));
}

static void print_time(int64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[80];

	if (ns && localtime_r(&s, &tm) &&
	    strftime(text, sizeof(text), "%b %-d, %Y at %-I:%M%P (%Z)", &tm))
		printf("Time: %s\n", text);
}

/* For what is measured in time, also which part of the duration it is. */
static void print_duration(const struct cp_profile *p, unsigned type, const char *unit)
{
	const char *own = p->head.types[type].unit;
	int64_t total = cp_report_total(p, type);
	char duration[80], sum[80], part[16] = "";
	const char *shown;
	double ns = cp_unit_scale(total, own, "nanoseconds", &shown);

	if (!p->head.duration_ns)
		return;
	cp_unit_format(p->head.duration_ns, "nanoseconds", CP_UNIT_AUTO, duration,
		       sizeof(duration));
	cp_unit_format(total, own, unit, sum, sizeof(sum));
	if (!strcmp(shown, "ns") && total)
		cp_unit_percent((int64_t)ns, p->head.duration_ns, part, sizeof(part));
	printf("Duration: %s, Total samples = %s %s%s%s\n", duration, cp_shown(sum),
	       *part ? "(" : "", part, *part ? ")" : "");
}

void cp_report_head(const struct cp_profile *p, unsigned type, const char *unit)
{
	print_program(p);
	for (unsigned i = 0; i < p->head.ncomments; i++) {
		if (p->head.comments[i][0] != '#')
			puts(cp_shown(p->head.comments[i]));
	}
	printf("Type: %s\n", cp_shown(p->head.types[type].type));
	print_time(p->head.time_ns);
	print_duration(p, type, unit);
}
