/* SPDX-License-Identifier: MIT */
/*
 * sigact.c - what the kernel does on a signal, asked and set without libc
 *
 * Context  ANY
 * Calls    rt_sigaction, straight to the kernel.
 * Shared   on_own_stacks: set once (relaxed: whoever sets it sets all handlers again).
 * Why      SA_RESTART: the host's calls go on after us. SA_ONSTACK: a thread with a
 *          small stack gave the kernel another one for handlers. Not where two threads gave it
 *          the same one (sigstack.c), nor under valgrind, which with
 *          that flag ends a program whose main stack has just grown (3.19), for want of a
 *          place to put the frame.
 */
#include "sigact.h"

#include "arch.h"
#include "atomic.h"
#include "clone.h"
#include "sys.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

/* The kernel's own struct, on both processors. */
struct kernel_sigaction {
	uintptr_t handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static bool on_own_stacks;

static long set(int sig, const struct kernel_sigaction *new, struct kernel_sigaction *old)
{
	return CP_SYS(SYS_rt_sigaction, sig, new, old, sizeof(new->mask));
}

long cp_sigact_get(int sig)
{
	struct kernel_sigaction old;
	long r = set(sig, NULL, &old);

	return r < 0 ? r : (long)old.handler;
}

void cp_sigact_leave_stacks(void)
{
	cp_store_rlx(&on_own_stacks, true);
}

static struct kernel_sigaction ours(cp_signal_fn *fn, uint64_t open)
{
	bool own = cp_load_rlx(&on_own_stacks) || cp_cpu_is_valgrind();
	struct kernel_sigaction new = {
		.handler = (uintptr_t)fn,
		.flags = SA_SIGINFO | SA_RESTART | (own ? 0 : SA_ONSTACK),
		.restorer = cp_clone_sigreturn(),
		.mask = ~open,
	};

	if (new.restorer)
		new.flags |= SA_RESTORER;
	return new;
}

long cp_sigact_set(int sig, cp_signal_fn *fn, uint64_t open)
{
	struct kernel_sigaction new = ours(fn, open);

	return set(sig, &new, NULL);
}

void cp_sigact_change(int sig, cp_signal_fn *fn, uint64_t open)
{
	struct kernel_sigaction new = ours(fn, open), old;

	if (cp_sigact_get(sig) == (long)fn && !set(sig, &new, &old) && old.handler != new.handler)
		set(sig, &old, NULL);
}

long cp_sigact_default(int sig)
{
	struct kernel_sigaction new = {.handler = (uintptr_t)SIG_DFL};

	return set(sig, &new, NULL);
}

uint64_t cp_sigact_idle(void)
{
	uint64_t by_default = 1ULL << (SIGCHLD - 1) | 1ULL << (SIGURG - 1) |
			      1ULL << (SIGWINCH - 1) | 1ULL << (SIGCONT - 1);
	uint64_t idle = 0;

	for (int sig = 1; sig <= 64; sig++) {
		long handler = cp_sigact_get(sig);

		if (handler == (long)SIG_IGN ||
		    (handler == (long)SIG_DFL && by_default >> (sig - 1) & 1))
			idle |= 1ULL << (sig - 1);
	}
	return idle;
}
