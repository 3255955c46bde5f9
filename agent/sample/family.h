/* SPDX-License-Identifier: MIT */
/*
 * family.h - forked processes that end before they can be judged, judged together
 *
 * Context  EARLY: cp_family_init      ANY: the rest
 * Holds    What each spent counts once. A child begins with the steps these came to.
 * Fails    Without shared memory: nothing is lowered in them.
 */
#ifndef CP_SAMPLE_FAMILY_H
#define CP_SAMPLE_FAMILY_H

#include "govern.h"

/* [EARLY] */
void cp_family_init(void);
/* [ANY] The steps a child begins with. */
void cp_family_steps(uint8_t step[CP_COST_RATES]);
/* [ANY] One has ended, which spent this in all its life, at one->step. enough: so many ns, spent by
 * all of them, tell something. May move a step. */
void cp_family_ended(const struct cp_govern_look *one, uint64_t enough);
struct cp_govern_moves cp_family_moves(void);

#endif
