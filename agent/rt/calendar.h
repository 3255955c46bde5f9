/* SPDX-License-Identifier: MIT */
/*
 * calendar.h - seconds since 1970 as a UTC date
 *
 * Context  ANY: pure.
 * Why      gmtime takes a lock and reads the time zone.
 */
#ifndef CP_RT_CALENDAR_H
#define CP_RT_CALENDAR_H

#include "buf.h"

/* Appends YYYYMMDDThhmmssZ. */
void cp_calendar_stamp(struct cp_buf *b, int64_t unix_seconds);
/* Appends "Sat, 21 Nov 2026 10:15:00 GMT". */
void cp_calendar_http(struct cp_buf *b, int64_t unix_seconds);

#endif
