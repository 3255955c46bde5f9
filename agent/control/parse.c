/* SPDX-License-Identifier: MIT */
/*
 * parse.c - what people write in variables: numbers, sizes, times, signals
 *
 * Context  ANY
 * Calls    strcmp and the like.
 * Holds    see parse.h
 */
#include "parse.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

int cp_parse_number(const char *text, uint64_t *out, const char **end)
{
	uint64_t v = 0;
	const char *s = text;

	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -EINVAL;
	if (s == text)
		return -EINVAL;
	*out = v;
	*end = s;
	return 0;
}

int cp_parse_thousandths(const char *text, uint64_t *out)
{
	bool more = false; /* than nothing, though too little to be one */
	const char *s;
	uint64_t v;

	if (cp_parse_number(text, &v, &s) || v > UINT64_MAX / 1000 - 1)
		return -EINVAL;
	v *= 1000;
	if (*s == '.')
		for (uint64_t part = 100; *++s >= '0' && *s <= '9'; part /= 10) {
			v += (uint64_t)(*s - '0') * part;
			more |= *s > '0';
		}
	if (*s)
		return -EINVAL;
	*out = !v && more ? 1 : v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int scale(const struct unit *units, size_t n, const char *text, uint64_t *out)
{
	const char *unit;
	uint64_t v;

	if (cp_parse_number(text, &v, &unit))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(unit, units[i].name))
			return __builtin_mul_overflow(v, units[i].factor, out) ? -EINVAL : 0;
	return -EINVAL;
}

int cp_parse_bytes(const char *text, uint64_t *out)
{
#define SIZES(letter, small, shift)                                                         \
	{letter, 1ULL << (shift)}, {small, 1ULL << (shift)}, {letter "B", 1ULL << (shift)}, \
	{                                                                                   \
		letter "iB", 1ULL << (shift)                                                \
	}
	static const struct unit units[] = {
		{"", 1},
		{"B", 1},
		SIZES("K", "k", 10),
		SIZES("M", "m", 20),
		SIZES("G", "g", 30),
		SIZES("T", "t", 40),
	};
#undef SIZES
	uint64_t v;

	if (scale(units, CP_ARRAY_LEN(units), text, &v))
		return -EINVAL;
	*out = v;
	return 0;
}

int cp_parse_duration(const char *text, uint64_t *out)
{
	static const struct unit units[] = {
		{"", 1000000000ULL},   {"s", 1000000000ULL},	{"ms", 1000000ULL},
		{"m", 60000000000ULL}, {"h", 3600000000000ULL}, {"d", 86400000000000ULL},
	};
	uint64_t v;

	if (!strcmp(text, "off")) {
		*out = 0;
		return 0;
	}
	if (scale(units, CP_ARRAY_LEN(units), text, &v))
		return -EINVAL;
	*out = v;
	return 0;
}

/* libc keeps the first two realtime signals to itself. */
#define RT_FIRST (__SIGRTMIN + 2)
#define RT_LAST	 64

static bool usable(uint64_t number)
{
	static const uint8_t refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,	 SIGILL,
					  SIGFPE,  SIGTRAP, SIGABRT, __SIGRTMIN, __SIGRTMIN + 1};

	return number >= 1 && number <= RT_LAST && !memchr(refused, (int)number, sizeof(refused));
}

static int realtime_signal(const char *name, uint64_t *out)
{
	bool from_first = !strncmp(name, "RTMIN", 5);
	const char *end;
	uint64_t n = 0;

	if (!from_first && strncmp(name, "RTMAX", 5))
		return -EINVAL;
	if (name[5] && (name[5] != (from_first ? '+' : '-') ||
			cp_parse_number(name + 6, &n, &end) || *end || n > RT_LAST))
		return -EINVAL;
	*out = from_first ? RT_FIRST + n : RT_LAST - n;
	return *out >= RT_FIRST && *out <= RT_LAST ? 0 : -EINVAL;
}

static int named_signal(const char *name, uint64_t *out)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},     {"USR1", SIGUSR1},
		{"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM},
		{"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"URG", SIGURG},	     {"XCPU", SIGXCPU},
		{"XFSZ", SIGXFSZ}, {"PROF", SIGPROF}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
		{"IO", SIGIO},	   {"PWR", SIGPWR},   {"SYS", SIGSYS},	     {"STKFLT", SIGSTKFLT},
		{"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"POLL", SIGPOLL},
	};

	for (size_t i = 0; i < CP_ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i].name))
			continue;
		*out = (uint64_t)names[i].number;
		return 0;
	}
	return realtime_signal(name, out);
}

int cp_parse_interval(const char *text, uint64_t *out)
{
	uint64_t v;

	if (cp_parse_duration(text, &v) || (v && v < 100000000ULL) || v > 315360000000000000ULL)
		return -EINVAL;
	*out = v;
	return 0;
}

int cp_parse_rate(const char *text, uint64_t *out)
{
	uint64_t v;

	if (cp_parse_bytes(text, &v) || v > 1ULL << 40)
		return -EINVAL;
	*out = v;
	return 0;
}

int cp_parse_signal(const char *text, int *out)
{
	const char *end;
	uint64_t v;

	if (!strcmp(text, "none")) {
		*out = 0;
		return 0;
	}
	if (cp_parse_number(text, &v, &end)) {
		if (named_signal(strncmp(text, "SIG", 3) ? text : text + 3, &v))
			return -EINVAL;
	} else if (*end) {
		return -EINVAL;
	}
	if (!usable(v))
		return -EINVAL;
	*out = (int)v;
	return 0;
}

size_t cp_parse_item(const char **list, const char **item)
{
	const char *s = *list;
	size_t len;

	while (*s == ',' || *s == ' ')
		s++;
	len = strcspn(s, ",");
	*item = s;
	*list = s + len;
	while (len && s[len - 1] == ' ')
		len--;
	return len;
}
