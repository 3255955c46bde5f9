/* SPDX-License-Identifier: MIT */
/*
 * ticker.c - which signal CPU samples come by
 *
 * Context  HOST: cp_ticker_start      ANY: cp_ticker_taken, cp_ticker_move,
 *          cp_agent_signal_handled      SIGNAL: on_tick
 * Calls    sigact.c, trigger.c, sample/tick.h, the log.
 * Shared   st: relaxed; sigaction is a full barrier between setting and delivery.
 * Holds    The host always wins: a signal it ignores or handles, before or later, is not
 *          ours, even if it asked the kernel itself. The new handler is in place before
 *          the first timer that uses it.
 *          No handler of the host's runs within on_tick, which it might never return to;
 *          but signals that do nothing stay open there. A blocked one is no longer dropped
 *          as it comes: a child that ends would break another thread's epoll_wait off.
 * Fails    No signal is free: one line; CPU time is still summed up, without samples.
 * Why      From the top of the realtime signals: hosts count theirs from SIGRTMIN up.
 *          A timer's signal that is under way in another thread at the moment the
 *          host takes it arrives at the host's handler; deleting the timers first, and a
 *          signal being delivered at the kernel's next return, make that moment short.
 */
#include "ticker.h"

#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/sigact.h"
#include "../sample/fds.h"
#include "../sample/tick.h"
#include "config.h"
#include "job.h"
#include "trigger.h"

/* The two that libc keeps for itself lie below. */
#define FIRST_REALTIME 34
#define LAST_SIGNAL    64

static struct {
	uint64_t used; /* signals there were, as bits */
	uint64_t open; /* those that may come within on_tick */
} st;

static bool is_free(int sig)
{
	return sig != cp_config.signal && !cp_trigger_owns(sig) &&
	       cp_sigact_get(sig) == (long)SIG_DFL;
}

static int find_another(void)
{
	for (int sig = LAST_SIGNAL; sig >= FIRST_REALTIME; sig--)
		if (is_free(sig))
			return sig;
	return 0;
}

/* What isn't ours somebody sent to a host that has no handler, or so it believes. */
static void on_tick(int sig, siginfo_t *info, void *context)
{
	if (cp_tick_is(info))
		cp_tick_on_signal(sig, info, context);
	else if (cp_trigger_owns(sig))
		cp_trigger_die(sig, info);
}

/* Sets on_tick again until it has st.open; `has` is what it has now. Another thread may have
 * closed one before it was set. */
static void follow(int sig, uint64_t has)
{
	for (uint64_t open; (open = cp_load_rlx(&st.open)) != has; has = open)
		cp_sigact_change(sig, on_tick, open);
}

static void install(int sig)
{
	uint64_t open = cp_load_rlx(&st.open);

	cp_sigact_set(sig, on_tick, open);
	follow(sig, open);
}

static void use(int sig)
{
	if (sig) {
		cp_trigger_own(sig);
		cp_or_rlx(&st.used, 1ULL << (sig - 1));
		install(sig);
		if (cp_tick_period()) /* else it is for those the dump asks */
			cp_fds_begin();
	} else {
		cp_fds_stop();
	}
	cp_tick_use_signal(sig);
}

static void use_another(const char *why, int was)
{
	int sig = find_another();

	use(sig);
	if (sig)
		cp_log("%s signal %d: CPU samples come by signal %d (CPROF_CPU_SIGNAL names one)",
		       why, was, sig);
	else
		cp_log("%s signal %d and no other is free: no CPU samples, only sums", why, was);
}

void cp_ticker_start(void)
{
	int sig = cp_config.cpu_signal;

	if (!cp_tick_needs_signal())
		return;
	cp_store_rlx(&st.open, cp_sigact_idle());
	if (is_free(sig))
		use(sig);
	else
		use_another(sig == cp_config.signal ? "CPROF_SIGNAL has" : "something else has",
			    sig);
}

uint64_t cp_ticker_signals(void)
{
	return cp_load_rlx(&st.used);
}

void cp_ticker_check(void)
{
	int sig = cp_tick_signal();
	long handler = sig ? cp_sigact_get(sig) : 0;

	if (sig && handler >= 0 && handler != (long)on_tick)
		cp_agent_signal_taken(sig);
}

void cp_ticker_stop(void)
{
	if (cp_tick_signal())
		cp_log("the program enters a sandbox: no CPU samples from here on, only sums");
	cp_tick_shut_in();
}

void cp_ticker_move(int sig)
{
	if (sig == cp_config.cpu_signal && sig == cp_tick_signal() && cp_job_at_home())
		use_another("the program reads", sig);
}

void cp_agent_signal_handled(int sig)
{
	uint64_t bit = 1ULL << (sig - 1), was;

	if (!(cp_load_rlx(&st.open) & bit) || !cp_job_at_home())
		return;
	was = cp_and_rlx(&st.open, ~bit);
	if (cp_tick_signal())
		follow(cp_tick_signal(), was);
}

void cp_ticker_set_again(void)
{
	if (cp_tick_signal())
		cp_sigact_change(cp_tick_signal(), on_tick, cp_load_rlx(&st.open));
}

void cp_ticker_taken(void)
{
	use_another("the program takes", cp_tick_signal());
}
