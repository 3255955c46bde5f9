/* SPDX-License-Identifier: MIT */
/*
 * filter.h - may a system call kill us?
 *
 * Context  ANY: three system calls that ld.so itself makes; async-signal-safe.
 * Fails    Where it can't be told (a root without /proc, no descriptor left): what it was the
 *          last time; yes, if there was none.
 * Why      Services are started behind filters that let through what most programs need, and
 *          kill for the rest. A call that few programs make is asked about first; and asked by
 *          reading, since to ask by a call might kill.
 */
#ifndef CP_RT_FILTER_H
#define CP_RT_FILTER_H

#include "base.h"

/* Are this thread's system calls filtered? */
bool cp_filtered(void);

#endif
