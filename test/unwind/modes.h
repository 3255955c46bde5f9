/* SPDX-License-Identifier: MIT */
/*
 * modes.h - the ways in which the preloaded comparison runs ($UW_MODE)
 *
 * Context  TEST: each is started from the constructor.
 */
#ifndef TEST_UNWIND_MODES_H
#define TEST_UNWIND_MODES_H

#include "record.h"

/* Trap after every instruction, from step_on() or, at_once, from here on. */
void step_init(struct record *record, bool at_once);
CP_EXPORT void step_on(void);
CP_EXPORT void step_off(void);

/* Interrupt the main thread every few dozen microseconds. */
void sample_init(struct record *record);

/* Ask the walker for its rule at each pc $UW_PCS names; then end the process. */
void rules_run(void);

#endif
