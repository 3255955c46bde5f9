/* SPDX-License-Identifier: MIT */
/*
 * made.h - threads by the stack that made them
 *
 * Context  HOST: cp_made_find, _count, _left      CONTROL: the readers
 * Holds    Counters only grow: made by a stack, and how many of those have left. The
 *          stack's root is the start routine: what the threads are for.
 */
#ifndef CP_SAMPLE_MADE_H
#define CP_SAMPLE_MADE_H

#include "cell.h"
#include "walk.h"

/* [EARLY] 0 or -errno. */
int cp_made_init(size_t bytes);
bool cp_made_on(void);
/* Whose call makes a thread that begins in start: a number, never 0 unless it's off. */
uint32_t cp_made_find(const struct cp_regs *caller, uintptr_t start);
/* A thread has been made there; one has left. Nothing happens for 0. */
void cp_made_count(uint32_t number);
void cp_made_left(uint32_t number);

/* [CONTROL] The stack by its number; its leaf is who called. */
cp_sid cp_made_stack(uint32_t number);
/* [CONTROL] Cells 0 .. cp_made_cells()-1. */
uint32_t cp_made_cells(void);
void cp_made_row(uint32_t cell, cp_sid *sid, uint64_t *made, uint64_t *left);

#endif
