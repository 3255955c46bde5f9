/* SPDX-License-Identifier: MIT */
/*
 * ticker.h - which signal CPU samples come by
 *
 * Context  HOST: cp_ticker_start      ANY: cp_ticker_taken
 */
#ifndef CP_CONTROL_TICKER_H
#define CP_CONTROL_TICKER_H

#include "../rt/base.h"

/* Chooses a signal, installs the handler, and starts the timers there are threads for. */
void cp_ticker_start(void);
/* The host takes the signal: another one is found. Async-signal-safe. */
void cp_ticker_taken(void);

#endif
