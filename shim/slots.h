/* SPDX-License-Identifier: MIT */
/*
 * slots.h - where an object's calls lead, of the malloc family above all, and how to lead them
 *           elsewhere
 *
 * Context  EARLY: from the constructor; other threads may run.
 * Shared   the host's relocated slots: each one relaxed store of a pointer; the old
 *          and the new function must both serve at any time.
 * Fails    A page that can't be made writable keeps its slots.
 */
#ifndef CP_SHIM_SLOTS_H
#define CP_SHIM_SLOTS_H

#include "object.h"
#include "table.h"

#define CP_SLOTS CP_FN_pthread_create /* the malloc family and the operators come first */

extern const char *const cp_slots_name[CP_SLOTS] __attribute__((visibility("hidden")));

/* Slots that lead to from[i] (NULL: none) lead to to[i] afterwards: all of them, and those that
 * are still to be bound to a function of that name; */
void cp_slots_correct(const struct cp_object *o, void *const *from, void *const *to);
/* or, of any n functions, bound ones that it calls by, and no pointer it may compare. */
void cp_slots_bound(const struct cp_object *o, void *const *from, void *const *to, int n);
/* Words of its memory, whatever the protection, which they have in common. */
void cp_slots_write(const struct cp_object *o, uintptr_t *const *at, size_t n, uintptr_t value);

#endif
