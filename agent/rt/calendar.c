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

struct date {
	uint64_t year, month, day; /* month and day from 0 */
	uint64_t weekday;	   /* 0: Sunday */
	uint64_t second;	   /* of the day */
};

static struct date split(int64_t unix_seconds)
{
	uint64_t seconds = (uint64_t)CP_MAX(unix_seconds, 0);
	uint64_t day = seconds / DAY;
	struct date d = {1970, 0, 0, (day + 4) % 7, seconds % DAY};

	for (uint64_t n; day >= (n = is_leap((int64_t)d.year) ? 366 : 365); d.year++)
		day -= n;
	for (uint64_t n; day >= (n = (uint64_t)days_in_month((int64_t)d.year, (unsigned)d.month));
	     d.month++)
		day -= n;
	d.day = day;
	return d;
}

void cp_calendar_stamp(struct cp_buf *b, int64_t unix_seconds)
{
	struct date d = split(unix_seconds);

	cp_buf_u64(b, d.year, 4);
	cp_buf_u64(b, d.month + 1, 2);
	cp_buf_u64(b, d.day + 1, 2);
	cp_buf_char(b, 'T');
	cp_buf_u64(b, d.second / 3600, 2);
	cp_buf_u64(b, d.second / 60 % 60, 2);
	cp_buf_u64(b, d.second % 60, 2);
	cp_buf_char(b, 'Z');
}

void cp_calendar_http(struct cp_buf *b, int64_t unix_seconds)
{
	struct date d = split(unix_seconds);

	cp_buf_mem(b, &"SunMonTueWedThuFriSat"[d.weekday * 3], 3);
	cp_buf_str(b, ", ");
	cp_buf_u64(b, d.day + 1, 2);
	cp_buf_char(b, ' ');
	cp_buf_mem(b, &"JanFebMarAprMayJunJulAugSepOctNovDec"[d.month * 3], 3);
	cp_buf_char(b, ' ');
	cp_buf_u64(b, d.year, 4);
	cp_buf_char(b, ' ');
	cp_buf_u64(b, d.second / 3600, 2);
	cp_buf_char(b, ':');
	cp_buf_u64(b, d.second / 60 % 60, 2);
	cp_buf_char(b, ':');
	cp_buf_u64(b, d.second % 60, 2);
	cp_buf_str(b, " GMT");
}
