/* SPDX-License-Identifier: MIT */
/*
 * sigact.h - what the kernel does on a signal, asked and set without libc
 *
 * Context  ANY: one system call.
 * Why      libc's sigaction is what the host calls, and what we stand in for.
 */
#ifndef CP_RT_SIGACT_H
#define CP_RT_SIGACT_H

#include "base.h"

#include <signal.h>

typedef void cp_signal_fn(int sig, siginfo_t *info, void *context);

/* The handler's address, or SIG_DFL or SIG_IGN as a number; -errno on failure. */
long cp_sigact_get(int sig);
/* With SA_SIGINFO, SA_RESTART and SA_ONSTACK; every signal but those in `open` (as bits) is
 * blocked meanwhile. */
long cp_sigact_set(int sig, cp_signal_fn *fn, uint64_t open);
/* The same for a handler that is there already. Another's that stands there instead, or comes
 * at the same moment, stays. */
void cp_sigact_change(int sig, cp_signal_fn *fn, uint64_t open);
long cp_sigact_default(int sig);
/* From here on without SA_ONSTACK, when a handler is set or changed. */
void cp_sigact_leave_stacks(void);
/* [EARLY] Those that do nothing when they come, as bits: ignored, or by default. */
uint64_t cp_sigact_idle(void);

#endif
