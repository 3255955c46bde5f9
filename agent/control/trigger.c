/* SPDX-License-Identifier: MIT */
/*
 * trigger.c - the signals we answer: the snapshot's, and at exit the deadly ones
 *
 * Context  HOST: cp_trigger_install      SIGNAL: the handlers      FORK: cp_trigger_forked
 *          ANY: cp_agent_owns_signal, cp_agent_signal_taken
 * Calls    job.c, sigact.c, the log. No libc, so errno stays what it was.
 * Shared   st.owned: bits of signals that have our handler (relaxed: sigaction is a
 *          full barrier between setting and delivery); st.shut_in: set once (relaxed);
 *          cprof_signal: read by cprof snap from outside, which asks again (relaxed).
 * Holds    The host always wins: what it ignores or handles, before or after, is left
 *          alone. Our handlers do nothing in a vfork child, whose memory is not its own.
 * Fails    A signal that is taken: one line that names CPROF_SIGNAL. Behind a filter a
 *          request is not answered: the thread that does it would be killed, and the host.
 */
#include "trigger.h"

#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/sigact.h"
#include "../rt/sys.h"
#include "../sample/threads.h"
#include "../sample/tick.h"
#include "config.h"
#include "job.h"
#include "ticker.h"

static struct {
	uint64_t owned;
	uint64_t deadly; /* of these, those that are answered by a last snapshot */
	bool first;	 /* pid 1, so far: only faults are answered */
	bool shut_in;
} st;

/* The signal that is answered by a snapshot at this moment, 0: none. Protected, since a program
 * may have the name too, and ours would be written there. */
__attribute__((visibility("protected"))) uint32_t cprof_signal;

static uint64_t bit(int sig)
{
	return sig >= 1 && sig <= 64 ? 1ULL << (sig - 1) : 0;
}

/* --- the snapshot signal --------------------------------------------------- */

static void on_request(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (!cp_load_rlx(&st.shut_in) && !cp_threads_am_astray() && cp_job_at_home())
		cp_job_ask(info->si_code == SI_QUEUE ? (uint64_t)(uintptr_t)info->si_ptr : 0);
}

static void install_request(int sig)
{
	long was = cp_sigact_get(sig);

	if (was != (long)SIG_DFL) {
		cp_log("signal %d is %s: no snapshots by it; name another with CPROF_SIGNAL", sig,
		       was < 0		      ? "refused by the system"
		       : was == (long)SIG_IGN ? "ignored here"
					      : "used by the program");
		return;
	}
	cp_trigger_own(sig);
	cp_store_rlx(&cprof_signal, (uint32_t)sig); /* before: the program may take it at once */
	cp_sigact_set(sig, on_request, 0);
}

/* --- deadly signals, when a last snapshot is wanted ------------------------- */

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL;
}

/* A fault comes again by itself when the handler returns, now with the default
 * action: so the core shows the place. Anything else is sent again. */
static bool comes_again(int sig, const siginfo_t *info)
{
	if (sig == SIGBUS && info->si_code == BUS_MCEERR_AO)
		return false;
	return info->si_code > 0 && is_fault(sig);
}

/* What the kernel keeps from the first process of a container, which has no handler for it: all
 * but its own faults. */
static bool is_kept_away(int sig, const siginfo_t *info)
{
	return cp_sys_getpid() == 1 && !comes_again(sig, info);
}

void cp_trigger_die(int sig, const siginfo_t *info)
{
	if (is_kept_away(sig, info))
		return;
	if (!cp_threads_am_astray() && cp_job_at_home())
		cp_agent_exit();
	cp_sigact_default(sig);
	if (!comes_again(sig, info))
		CP_SYS(SYS_tgkill, cp_sys_getpid(), cp_sys_gettid(), sig);
}

static void on_death(int sig, siginfo_t *info, void *context)
{
	(void)context;
	cp_trigger_die(sig, info);
}

static void install_death(void)
{
	/* Those whose default is death; not PROF, which comes in numbers, nor the
	 * realtime ones, which hosts use among themselves. */
	static const uint8_t deadly[] = {
		SIGHUP,	 SIGINT,    SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
		SIGFPE,	 SIGUSR1,   SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,
		SIGXCPU, SIGVTALRM, SIGXFSZ, SIGSYS,  SIGIO,   SIGPWR,	SIGSTKFLT,
	};

	for (unsigned i = 0; i < CP_ARRAY_LEN(deadly); i++) {
		int sig = deadly[i];

		if (cp_agent_owns_signal(sig) || cp_sigact_get(sig) != (long)SIG_DFL)
			continue;
		/* Not even a wait is to be broken off by what the kernel keeps away. */
		if (st.first && !is_fault(sig))
			continue;
		cp_trigger_own(sig);
		st.deadly |= bit(sig);
		cp_sigact_set(sig, on_death, 0);
	}
}

void cp_trigger_install(void)
{
	if (cp_config.signal)
		install_request(cp_config.signal);
	if (cp_config.atexit) {
		st.first = cp_sys_getpid() == 1;
		install_death();
	}
}

/* Where it is neither of the two nothing is changed. */
void cp_trigger_set_again(void)
{
	for (int sig = 1; sig <= 64; sig++) {
		if (!(cp_load_rlx(&st.owned) & bit(sig)))
			continue;
		cp_sigact_change(sig, on_request, 0);
		cp_sigact_change(sig, on_death, 0);
	}
}

/* It has them from a parent that isn't first itself. */
static void give_back_death(void)
{
	for (int sig = 1; sig <= 31; sig++) {
		if (is_fault(sig) || !(st.deadly & bit(sig)))
			continue;
		if (cp_and_rlx(&st.owned, ~bit(sig)) & bit(sig))
			cp_sigact_default(sig);
		st.deadly &= ~bit(sig);
	}
}

void cp_trigger_forked(void)
{
	/* In a sandbox not even its number is asked for. */
	if (!cp_config.atexit || cp_load_rlx(&st.shut_in) || st.first == (cp_sys_getpid() == 1))
		return;
	st.first = !st.first;
	if (st.first)
		give_back_death();
	else
		install_death();
}

/* The deadly ones kill by themselves from here on: there is no last snapshot, and to set
 * their default when they come may end the host by another signal. */
void cp_trigger_shut_in(void)
{
	uint64_t deadly = cp_and_rlx(&st.owned, ~st.deadly) & st.deadly;

	if (cp_load_rlx(&st.shut_in))
		return;
	cp_store_rlx(&st.shut_in, true);
	cp_store_rlx(&cprof_signal, 0);
	for (; deadly; deadly &= deadly - 1)
		cp_sigact_default(__builtin_ctzll(deadly) + 1);
	cp_log("the program filters its system calls: no snapshot by a signal from here on, nor "
	       "at its end");
}

/* --- what the shim asks ------------------------------------------------------ */

bool cp_trigger_owns(int sig)
{
	return cp_load_rlx(&st.owned) & bit(sig);
}

void cp_trigger_own(int sig)
{
	cp_or_rlx(&st.owned, bit(sig));
}

bool cp_agent_owns_signal(int sig)
{
	return cp_trigger_owns(sig);
}

void cp_agent_signal_taken(int sig)
{
	cp_and_rlx(&st.owned, ~bit(sig));
	if (sig == cp_tick_signal())
		cp_ticker_taken();
	if (sig != cp_config.signal)
		return;
	cp_store_rlx(&cprof_signal, 0);
	cp_log("the program takes signal %d for itself: no snapshots by it; name another with "
	       "CPROF_SIGNAL",
	       sig);
}

int cp_agent_sample_signal(void)
{
	return cp_tick_signal();
}

uint64_t cp_agent_sample_signals(void)
{
	return cp_ticker_signals();
}

bool cp_agent_sample_is(const siginfo_t *info)
{
	return cp_tick_is(info);
}

void cp_agent_signal_read(int sig)
{
	cp_ticker_move(sig);
}
