/* SPDX-License-Identifier: MIT */
/*
 * lockid.h - numbers for locks that can be told apart by name
 *
 * Context  HOST: cp_lockid_of, _made, _gone      EARLY: cp_lockid_init
 *          CONTROL: the readers
 * Holds    A number means one variable, or one place in the code that initialises locks, for
 *          the whole run. Memory is bounded, however many locks come and go.
 * Fails    Full: 0, which is no name.
 */
#ifndef CP_SAMPLE_LOCKID_H
#define CP_SAMPLE_LOCKID_H

#include "../rt/base.h"

#define CP_LOCKIDS_MAX 2048U

/* [EARLY] 0 or -errno. */
int cp_lockid_init(void);
/* A lock was initialised by code that returns to pc; it is gone. A few nanoseconds. */
void cp_lockid_made(uintptr_t lock, uintptr_t pc);
void cp_lockid_gone(uintptr_t lock);
/* Of the variable the lock lies in; else of who initialised it, if that is still known. */
uint16_t cp_lockid_of(uintptr_t lock);

/* [CONTROL] Numbers run from 1 to below this. */
uint32_t cp_lockid_end(void);
/* What a number means: a frame, in an object's data or in its code. False: nothing. */
bool cp_lockid_get(uint32_t id, cp_frame *frame, bool *is_code);

#endif
