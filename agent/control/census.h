/* SPDX-License-Identifier: MIT */
/*
 * census.h - how many threads are at each stack, now: the goroutine profile's counters
 *
 * Context  CONTROL; cp_census_init: EARLY
 * Holds    From cp_census_begin to cp_census_end the counters are those of one dump, and
 *          no other census comes between. Unlike others they also fall.
 */
#ifndef CP_CONTROL_CENSUS_H
#define CP_CONTROL_CENSUS_H

#include "dump.h"

/* [EARLY] bytes: for the counters. 0 or -errno. */
int cp_census_init(size_t bytes);
bool cp_census_on(void);

/* [CONTROL] Takes a dump and counts it. When that fails, all is 0. */
void cp_census_begin(void);
void cp_census_end(void);
/* Between the two: the dump itself. */
const struct cp_dump *cp_census_dump(void);

/* Cells 0 .. cp_census_cells()-1. */
uint32_t cp_census_cells(void);
void cp_census_row(uint32_t cell, cp_sid *sid, uint16_t *label, uint16_t *state);
uint64_t cp_census_read(uint32_t cell);

#endif
