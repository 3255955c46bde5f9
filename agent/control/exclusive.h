/* SPDX-License-Identifier: MIT */
/*
 * exclusive.h - the one lock of the control room
 *
 * Context  CONTROL: the agent's own threads only; never a host thread, never a handler.
 * Holds    Mappings, names, their cache and the helper that finds lines (maps.h,
 *          symbols.h and what lies under them) are used by the thread that is inside,
 *          and by no other. Whoever reads a profile out is inside from cp_maps_read to
 *          the end of cp_emit_run, so that all it writes is of one reading.
 *          Counters are read and windows opened without it: they need none. A thread
 *          inside waits for no other of ours, so this can't come to a standstill.
 *          Who enters says by when somebody waits for the result: source lines that would
 *          take longer are left out then.
 * Fails    Never. A forked child finds it free, whoever was inside.
 */
#ifndef CP_CONTROL_EXCLUSIVE_H
#define CP_CONTROL_EXCLUSIVE_H

#include "../rt/base.h"

/* [EARLY] 0 or -errno. */
int cp_exclusive_init(void);
/* Waits until nobody is inside. by: on CLOCK_MONOTONIC, in ns; 0: nobody waits for this. */
void cp_exclusive_enter(int64_t by);
/* Inside: what was said then. */
int64_t cp_exclusive_by(void);
void cp_exclusive_leave(void);

#endif
