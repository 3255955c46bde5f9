/* SPDX-License-Identifier: MIT */
/*
 * family.h - forked processes that end before they can be judged, judged together
 *
 * Context  ANY
 * Holds    What each spent counts once. A child begins with the steps these came to.
 * Fails    Without shared memory, or where nobody said that there will be a child (fork made by
 *          its number): nothing is lowered in them.
 */
#ifndef CP_SAMPLE_FAMILY_H
#define CP_SAMPLE_FAMILY_H

#include "govern.h"

/* There may soon be a child. */
void cp_family_share(void);
/* The steps a child begins with. */
void cp_family_steps(uint8_t step[CP_COST_RATES]);
/* One has ended, which spent this in all its life, at one->step. enough: so many ns, spent by
 * all of them, tell something. May move a step. */
void cp_family_ended(const struct cp_govern_look *one, uint64_t enough);
struct cp_govern_moves cp_family_moves(void);

#endif
