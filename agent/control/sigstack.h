/* SPDX-License-Identifier: MIT */
/*
 * sigstack.h - signal stacks that several threads have
 *
 * Context  HOST: cp_sigstack_is, on the thread itself      FORK: cp_sigstack_forked, in the child
 */
#ifndef CP_CONTROL_SIGSTACK_H
#define CP_CONTROL_SIGSTACK_H

#include "../rt/base.h"

struct cp_thread;

/* The thread is about to have this signal stack; 0: none, as when it ends. Answers what it had. */
uintptr_t cp_sigstack_is(struct cp_thread *t, uintptr_t sp);
/* A child's only thread has another number. */
void cp_sigstack_forked(const struct cp_thread *t);

#endif
