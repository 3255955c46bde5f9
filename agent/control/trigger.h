/* SPDX-License-Identifier: MIT */
/*
 * trigger.h - the signals we answer: the snapshot's, and at exit the deadly ones
 *
 * Context  HOST: cp_trigger_install, _shut_in      SIGNAL: cp_trigger_die      FORK: _forked
 * Holds    Only signals the host left at their default get our handler.
 */
#ifndef CP_CONTROL_TRIGGER_H
#define CP_CONTROL_TRIGGER_H

#include "../rt/base.h"

#include <signal.h>

void cp_trigger_install(void);
/* [FORK] In a child: a container's first process has less to die of than that. */
void cp_trigger_forked(void);
/* [HOST] The process is about to filter its system calls, where any may kill. */
void cp_trigger_shut_in(void);
/* [HOST] All handlers but the samples', as they are to be set now (sigact.h). */
void cp_trigger_set_again(void);
/* [ANY] Has the agent a handler of its own on this signal? From here on it has. */
bool cp_trigger_owns(int sig);
void cp_trigger_own(int sig);
/* Does what the signal does where nobody handles it: the last snapshot, where one is
 * wanted, and the end. */
void cp_trigger_die(int sig, const siginfo_t *info);

#endif
