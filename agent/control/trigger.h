/* SPDX-License-Identifier: MIT */
/*
 * trigger.h - the signals we answer: the snapshot's, and at exit the deadly ones
 *
 * Context  HOST: cp_trigger_install
 * Holds    Only signals the host left at their default get our handler.
 */
#ifndef CP_CONTROL_TRIGGER_H
#define CP_CONTROL_TRIGGER_H

#include "../rt/base.h"

void cp_trigger_install(void);
/* [ANY] Has the agent a handler of its own on this signal? From here on it has. */
bool cp_trigger_owns(int sig);
void cp_trigger_own(int sig);

#endif
