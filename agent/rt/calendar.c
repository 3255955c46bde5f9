/* SPDX-License-Identifier: MIT */
/*
 * calendar.c - seconds since 1970 as a UTC date
 *
 * Context  ANY
 * Calls    buf.c
 * Holds    see calendar.h; right for every second from 1970 on.
 */
#include "calendar.h"

#define DAY 86400

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month] + (month == 1 && is_leap(year));
}

void cp_calendar_stamp(struct cp_buf *b, int64_t unix_seconds)
{
	uint64_t day = (uint64_t)CP_MAX(unix_seconds, 0) / DAY;
	uint64_t second = (uint64_t)CP_MAX(unix_seconds, 0) % DAY;
	int64_t year = 1970;
	unsigned month = 0;

	for (uint64_t n; day >= (n = is_leap(year) ? 366 : 365); year++)
		day -= n;
	for (; day >= (uint64_t)days_in_month(year, month); month++)
		day -= (uint64_t)days_in_month(year, month);
	cp_buf_u64(b, (uint64_t)year, 4);
	cp_buf_u64(b, month + 1, 2);
	cp_buf_u64(b, day + 1, 2);
	cp_buf_char(b, 'T');
	cp_buf_u64(b, second / 3600, 2);
	cp_buf_u64(b, second / 60 % 60, 2);
	cp_buf_u64(b, second % 60, 2);
	cp_buf_char(b, 'Z');
}
