/* SPDX-License-Identifier: MIT */
/*
 * interval.h - the control thread, there only when CPROF_INTERVAL asks for it
 *
 * Context  HOST: cp_interval_start
 */
#ifndef CP_CONTROL_INTERVAL_H
#define CP_CONTROL_INTERVAL_H

#include "../rt/base.h"

/* Makes the thread when an interval is set. */
void cp_interval_start(void);

#endif
