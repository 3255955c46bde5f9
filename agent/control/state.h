/* SPDX-License-Identifier: MIT */
/*
 * state.h - what a thread does, in a word
 *
 * Context  CONTROL: pure.
 */
#ifndef CP_CONTROL_STATE_H
#define CP_CONTROL_STATE_H

#include "../rt/base.h"

enum {
	CP_STATE_NONE = 0,
	CP_STATE_RUNNING,
	CP_STATE_NOT_REACHED,	  /* running, but it did not tell where in time */
	CP_STATE_UNKNOWN,	  /* waits or runs: nobody tells */
	CP_STATE_STOPPED,	  /* waits in no system call: for a page, say */
	CP_STATE_WAITS,		  /* + enum cp_wait_kind */
	CP_STATE_SYSCALL = 0x100, /* + its number */
};

#define CP_STATE_TEXT 24

/* The state of a thread that waits in a system call, when nobody said more of it. */
uint16_t cp_state_of_call(int nr);
/* The enum cp_wait_kind in a state; 0: there is none. */
uint32_t cp_state_wait(uint16_t state);
/* May a thread that said it waits for this be in that call? */
bool cp_state_fits(uint32_t wait_kind, int nr);
/* buf: CP_STATE_TEXT bytes, for those that have a number in them. */
const char *cp_state_text(uint16_t state, char *buf);

#endif
