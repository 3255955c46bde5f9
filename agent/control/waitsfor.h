/* SPDX-License-Identifier: MIT */
/*
 * waitsfor.h - who waits for whom in a circle
 *
 * Context  pure
 * Holds    Each waits for one at most: so a circle has no branches, and nobody is in two.
 */
#ifndef CP_CONTROL_WAITSFOR_H
#define CP_CONTROL_WAITSFOR_H

#include "../rt/base.h"

#define CP_WAITSFOR_NOBODY UINT32_MAX

/* next[i]: whom i waits for; one beyond n is nobody. circle[i] becomes the number of the
 * circle i is in, from 1 on, in the order of their lowest members; 0: in none. Answers how
 * many there are. */
uint32_t cp_waitsfor_circles(const uint32_t *next, uint32_t n, uint32_t *circle);

#endif
