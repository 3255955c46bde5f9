/* SPDX-License-Identifier: MIT */
/*
 * filter.h - may a system call kill us?
 *
 * Context  ANY: three system calls that ld.so itself makes; async-signal-safe.
 * Fails    Where it can't be told: yes; in a root without /proc, what it was the last time,
 *          if the process has not shut itself in since.
 * Why      Services are started behind filters that let through what most programs need, and
 *          kill for the rest. A call that few programs make is asked about first; and asked by
 *          reading, since to ask by a call might kill.
 */
#ifndef CP_RT_FILTER_H
#define CP_RT_FILTER_H

#include "base.h"

/* Are this thread's system calls filtered? */
bool cp_filtered(void);
/* [HOST] The process puts a filter on some of its threads, and so on its children. */
void cp_filter_shut_in(void);
/* Has it, or is it about to? No system call. */
bool cp_filter_is_own(void);
/* Was there none when last asked, nor has the process put one on since? No system call. */
bool cp_filter_is_none(void);

#endif
