/* SPDX-License-Identifier: MIT */
/*
 * sofar.h - how much of a wait that is under way is in the counters already
 *
 * Context  HOST: cp_sofar_end      CONTROL: cp_sofar_has, _add      EARLY: cp_sofar_init
 * Holds    Each tick of a wait is given to one caller: to who reads while it is
 *          under way, or to the thread itself at its end. One of them is told that it is
 *          the first, and counts the wait.
 *          Only the outermost wait of a thread is looked at: those of its handlers, in the
 *          middle of another, are not, and have no end here.
 */
#ifndef CP_SAMPLE_SOFAR_H
#define CP_SAMPLE_SOFAR_H

#include "../rt/base.h"

/* Shorter ones are let go. A thread looks when its wait took half of this, so that no reader
 * can have met one that it does not look for, however their clocks differ. */
#define CP_SOFAR_LEAST 10000000LL /* ns */

/* What is given. */
struct cp_sofar {
	uint64_t ticks;
	uint32_t cell; /* of who gave the last part; nobody: 0 */
	bool first;
};

/* [EARLY] 0 or -errno. */
int cp_sofar_init(void);
/* [CONTROL] Is some of the wait that the thread in this slot began at `start` given already? */
bool cp_sofar_has(uint32_t slot, uint64_t start);
/* [CONTROL] One at a time. What was not given until now; the wait was seen to be under way
 * then. False: it has ended. */
bool cp_sofar_add(uint32_t slot, uint64_t start, uint64_t now, struct cp_sofar *part);
/* [CONTROL] After an addition that was the first: the cell it went to. */
void cp_sofar_note(uint32_t slot, uint32_t cell);
/* [HOST] The caller's wait is over, said before `now` was read: what was not given yet. */
struct cp_sofar cp_sofar_end(uint32_t slot, uint64_t start, uint64_t now);

#endif
