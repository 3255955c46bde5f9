/* SPDX-License-Identifier: MIT */
/*
 * ticker.h - which signal CPU samples come by
 *
 * Context  HOST: cp_ticker_start      ANY: cp_ticker_taken, _move, _signals
 */
#ifndef CP_CONTROL_TICKER_H
#define CP_CONTROL_TICKER_H

#include "../rt/base.h"

/* Chooses a signal, installs the handler, and starts the timers there are threads for. */
void cp_ticker_start(void);
/* Is the handler still ours? Code that asks the kernel itself may have set another: then the
 * host has taken the signal. */
void cp_ticker_check(void);
/* The host is about to enter a sandbox, where a system call may kill: no more samples. */
void cp_ticker_stop(void);
/* The handler, as it is to be set now (sigact.h). */
void cp_ticker_set_again(void);
/* The host takes the signal: another one is found. Async-signal-safe. */
void cp_ticker_taken(void);
/* The same, when it is the one that was asked for, and we keep it: whoever sends it to a
 * host that handles it in no other way ends the host, as without us. */
void cp_ticker_move(int sig);
/* All there were, as bits from 1 << 0 for signal 1. A thread that blocks one may have it
 * pending when its timer is gone: before Linux 6.13 it stays. */
uint64_t cp_ticker_signals(void);

#endif
