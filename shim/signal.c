/* SPDX-License-Identifier: MIT */
/*
 * signal.c - what the host does to signals that the agent uses
 *
 * Context  HOST, SIGNAL (sigaction is async-signal-safe, so are these)
 * Shared   st.kept[]: what the host last asked for, each field relaxed: calls
 *          that race for one signal race in libc too, with either's result.
 * Holds    The host reads back what it set, at first SIG_DFL. Its handlers and
 *          its SIG_IGN are installed; its SIG_DFL, on a signal the agent owns,
 *          is only kept, since it would let our next signal kill the process.
 * Why      Loops such as `for (i...) signal(i, SIG_DFL)` are common. A vfork
 *          child goes straight to libc: what it sets is its own, while the
 *          memory it would be kept in is its parent's.
 */
#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "../agent/rt/filter.h"
#include "boot.h"
#include "lookup.h"
#include "life.h"
#include "masks.h"
#include "table.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define SIGNALS 65

/* What the kernel keeps of sa_flags, and hands back: 0x800 is SA_EXPOSE_TAGBITS, which
 * libc has no name for. */
#define KERNEL_FLAGS                                                                       \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | \
	 (int)SA_RESETHAND | 0x800)

/* What the kernel takes out of every mask. */
#define NEVER_MASKED (1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1))

enum interrupt { UNSAID = 0, RESTART, INTERRUPT };

struct kept {
	sighandler_t handler;
	int flags;
	uint64_t mask;
	uint8_t interrupt; /* what siginterrupt was told, for a later signal() */
};

static struct {
	struct kept kept[SIGNALS];
} st;

static bool owned(int sig)
{
	return sig > 0 && sig < SIGNALS && cp_agent_owns_signal(sig);
}

/* The handler of a signal that is not the agent's, which hears of it before it is there. */
static sighandler_t told(int sig, sighandler_t handler)
{
	if (sig > 0 && sig < SIGNALS && handler != SIG_DFL && handler != SIG_IGN &&
	    handler != SIG_ERR && handler != SIG_HOLD)
		cp_agent_signal_handled(sig);
	return handler;
}

static void keep(int sig, int flags, const sigset_t *mask)
{
	uint64_t bits = 0;

	if (mask)
		memcpy(&bits, mask, sizeof(bits));
	cp_store_rlx(&st.kept[sig].handler, SIG_DFL);
	cp_store_rlx(&st.kept[sig].flags, flags & KERNEL_FLAGS);
	cp_store_rlx(&st.kept[sig].mask, bits & ~NEVER_MASKED);
}

static sighandler_t kept_handler(int sig)
{
	return cp_load_rlx(&st.kept[sig].handler);
}

static void report(int sig, struct sigaction *old)
{
	uint64_t mask = cp_load_rlx(&st.kept[sig].mask);

	memset(old, 0, sizeof(*old));
	old->sa_handler = kept_handler(sig);
	old->sa_flags = cp_load_rlx(&st.kept[sig].flags);
	memcpy(&old->sa_mask, &mask, sizeof(mask));
}

/* In a vfork child: libc's own doing, but our handler is not shown. */
static sighandler_t masked(int sig, sighandler_t handler)
{
	if (handler == SIG_DFL || handler == SIG_IGN || handler == SIG_ERR || handler == SIG_HOLD)
		return handler;
	return cp_shim_same_object((void *)handler, &cp_real) ? kept_handler(sig) : handler;
}

/* The host takes the signal: libc installs what it asked for. */
static void take(int sig)
{
	uint8_t interrupt = cp_load_rlx(&st.kept[sig].interrupt);

	cp_agent_signal_taken(sig);
	if (interrupt)
		cp_real.siginterrupt(sig, interrupt == INTERRUPT);
}

/* --- sigaction ----------------------------------------------------------- */

static int away_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	int err = cp_real.sigaction(sig, act, old);

	if (!err && old && masked(sig, old->sa_handler) != old->sa_handler)
		report(sig, old);
	return err;
}

static int owned_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction was;

	if (!cp_shim_at_home())
		return away_sigaction(sig, act, old);
	report(sig, &was);
	if (act && act->sa_handler == SIG_DFL) {
		keep(sig, act->sa_flags, &act->sa_mask);
	} else if (act) {
		cp_agent_signal_taken(sig);
		if (cp_real.sigaction(sig, act, NULL))
			return -1;
	}
	if (old)
		*old = was;
	return 0;
}

/* libc refuses what is no signal, or its own, before it looks at what may lie nowhere. */
static bool is_refused(int sig)
{
	return sig <= 0 || sig >= SIGNALS || sig == __SIGRTMIN || sig == __SIGRTMIN + 1;
}

CP_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	if (owned(sig))
		return owned_sigaction(sig, act, old);
	if (act && !is_refused(sig))
		told(sig, act->sa_handler);
	return cp_real.sigaction(sig, act, old);
}

CP_EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	if (owned(sig))
		return owned_sigaction(sig, act, old);
	if (act && !is_refused(sig))
		told(sig, act->sa_handler);
	return cp_real.__sigaction(sig, act, old);
}

/* --- signal and its relatives --------------------------------------------- */

typedef sighandler_t signal_fn(int sig, sighandler_t handler);

static sighandler_t owned_signal(int sig, sighandler_t handler, signal_fn *real, int flags,
				 const sigset_t *mask)
{
	sighandler_t was = kept_handler(sig), result;

	if (!cp_shim_at_home() || handler == SIG_ERR)
		return masked(sig, real(sig, handler));
	if (handler == SIG_DFL) {
		keep(sig, flags, mask);
		return was;
	}
	take(sig);
	result = real(sig, handler);
	return result == SIG_ERR ? result : was;
}

static sighandler_t owned_bsd(int sig, sighandler_t handler, signal_fn *real)
{
	bool interrupt = cp_load_rlx(&st.kept[sig].interrupt) == INTERRUPT;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, sig);
	return owned_signal(sig, handler, real, interrupt ? 0 : SA_RESTART, &mask);
}

static sighandler_t owned_sysv(int sig, sighandler_t handler, signal_fn *real)
{
	return owned_signal(sig, handler, real, SA_NODEFER | (int)SA_RESETHAND, NULL);
}

CP_EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	if (owned(sig))
		return owned_bsd(sig, handler, cp_real.signal);
	return cp_real.signal(sig, told(sig, handler));
}

CP_EXPORT sighandler_t bsd_signal(int sig, sighandler_t handler)
{
	if (owned(sig))
		return owned_bsd(sig, handler, cp_real.bsd_signal);
	return cp_real.bsd_signal(sig, told(sig, handler));
}

CP_EXPORT sighandler_t ssignal(int sig, sighandler_t handler)
{
	if (owned(sig))
		return owned_bsd(sig, handler, cp_real.ssignal);
	return cp_real.ssignal(sig, told(sig, handler));
}

CP_EXPORT sighandler_t sysv_signal(int sig, sighandler_t handler)
{
	if (owned(sig))
		return owned_sysv(sig, handler, cp_real.sysv_signal);
	return cp_real.sysv_signal(sig, told(sig, handler));
}

CP_EXPORT sighandler_t __sysv_signal(int sig, sighandler_t handler)
{
	if (owned(sig))
		return owned_sysv(sig, handler, cp_real.__sysv_signal);
	return cp_real.__sysv_signal(sig, told(sig, handler));
}

/* --- System V -------------------------------------------------------------- */

/* sigset(sig, SIG_DFL) also unblocks, and answers SIG_HOLD if it was blocked. */
static sighandler_t default_and_unblock(int sig)
{
	sighandler_t was = kept_handler(sig);
	sigset_t set, old;

	keep(sig, 0, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sigprocmask(SIG_UNBLOCK, &set, &old))
		return SIG_ERR;
	return sigismember(&old, sig) ? SIG_HOLD : was;
}

static sighandler_t owned_sigset(int sig, sighandler_t handler)
{
	sighandler_t was = kept_handler(sig), result;

	if (!cp_shim_at_home() || handler == SIG_HOLD || handler == SIG_ERR)
		return masked(sig, cp_real.sigset(sig, handler));
	if (handler == SIG_DFL)
		return default_and_unblock(sig);
	cp_agent_signal_taken(sig);
	result = cp_real.sigset(sig, handler);
	return result == SIG_HOLD || result == SIG_ERR ? result : was;
}

CP_EXPORT sighandler_t sigset(int sig, sighandler_t handler)
{
	if (owned(sig))
		return owned_sigset(sig, handler);
	return cp_real.sigset(sig, told(sig, handler));
}

CP_EXPORT int sigignore(int sig)
{
	if (owned(sig) && cp_shim_at_home())
		cp_agent_signal_taken(sig);
	return cp_real.sigignore(sig);
}

/* libc would change the flags of our handler. */
CP_EXPORT int siginterrupt(int sig, int flag)
{
	int flags;

	if (!owned(sig) || !cp_shim_at_home())
		return cp_real.siginterrupt(sig, flag);
	flags = cp_load_rlx(&st.kept[sig].flags);
	cp_store_rlx(&st.kept[sig].flags, flag ? flags & ~SA_RESTART : flags | SA_RESTART);
	cp_store_rlx(&st.kept[sig].interrupt, (uint8_t)(flag ? INTERRUPT : RESTART));
	return 0;
}

/* --- signal stacks ------------------------------------------------------------- */

/* A sample's frame is laid there, and may be more than the host's own ever are. */
static bool is_small(const stack_t *stack)
{
	return !(stack->ss_flags & SS_DISABLE) && stack->ss_size < CP_SIGNAL_STACK_LEAST;
}

static uintptr_t place_of(const stack_t *stack)
{
	return stack->ss_flags & SS_DISABLE ? 0 : (uintptr_t)stack->ss_sp;
}

/* Told of before it is there; and once there it may come back by itself, when a handler that has
 * changed it returns. Behind a filter of the host's own, where nothing can be probed, there are no
 * samples. */
CP_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
	bool known = stack && !cp_filter_is_own() && cp_masks_is_there(stack, sizeof(*stack));
	bool small = known && is_small(stack);
	bool was = small && cp_agent_signal_stack(true);
	uintptr_t at = known ? cp_agent_signal_stack_at(place_of(stack)) : 0;
	int result = cp_real.sigaltstack(stack, old);

	if (result && small)
		cp_agent_signal_stack(was);
	if (result && known)
		cp_agent_signal_stack_at(at);
	return result;
}
