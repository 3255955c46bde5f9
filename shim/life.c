/* SPDX-License-Identifier: MIT */
/*
 * life.c - constructor, destructor, fork: the shim's own beginning and end
 *
 * Context  EARLY: cp_shim_idle      HOST: constructor      EXIT: destructor
 * Shared   st: woken (claimed once), home and ended (relaxed)
 * Order    woken: release by wake(), acquire by the constructor and cp_shim_idle.
 * Holds    cp_agent_init runs at most once, and not before libc has an environ;
 *          cp_agent_exit at most once per process, never in a vfork child.
 * Why      Constructors of other libraries run before ours and allocate: the
 *          first of these allocations wakes the agent, so that they are seen.
 */
#include "life.h"

#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "../agent/rt/log.h"
#include "../agent/rt/sys.h"
#include "aside.h"
#include "boot.h"
#include "lookup.h"
#include "takeover.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

enum { ASLEEP, WAKING, AWAKE };

static struct {
	uint32_t woken;
	uint32_t ended;
	long home;	 /* the process that owns the agent's memory */
	bool inert;	 /* the agent is not to wake at all */
	bool heap_idle;	 /* somebody else's malloc comes first */
	const char *why; /* it is inert; NULL: nobody need be told */
	const char *what;
} st CP_WARM;

/* What a reader of RTLD_DEFAULT finds of us: tells two copies apart. */
CP_EXPORT const char cprof_here = 1;

void cp_shim_life_refuse(const char *why, const char *what)
{
	st.why = why;
	st.what = what;
	st.inert = true;
	st.heap_idle = true;
}

static void look_around(void)
{
	if (cp_shim_outer("cprof_here"))
		st.inert = true;
	st.heap_idle |= st.inert || cp_shim_whose_malloc() == CP_OUTER_ALLOCATOR ||
			cp_shim_whose_malloc() == CP_OUTER_PROGRAM;
}

static void wake(void)
{
	uint32_t seen = ASLEEP;
	uint64_t floats;

	if (!environ || !cp_cas_acq(&st.woken, &seen, WAKING))
		return;
	cp_store_rlx(&st.home, cp_sys_getpid());
	look_around();
	floats = cp_cpu_floats_begin();
	if (!st.inert)
		cp_agent_init();
	cp_cpu_floats_end(floats);
	cp_store_rel(&st.woken, AWAKE); /* rel: with the acquires of at_start and cp_shim_idle */
}

bool cp_shim_idle(enum cp_fn by)
{
	/* acq: with wake(), after which cp_real and the heap's state are ready. */
	if (CP_UNLIKELY(cp_load_acq(&st.woken) != AWAKE)) {
		if (!cp_shim_boot_by(by))
			return true;
		wake();
	}
	if (CP_LIKELY(!st.heap_idle))
		return false;
	/* Half the range: what is deducted and given back can't wrap around. */
	cp_self.heap_left = UINT64_MAX / 2;
	return true;
}

bool cp_shim_at_home(void)
{
	return cp_load_rlx(&st.home) == cp_sys_getpid();
}

void cp_shim_forked(void)
{
	cp_store_rlx(&st.home, cp_sys_getpid());
	cp_store_rlx(&st.ended, 0);
	if (!st.inert && cp_load_rlx(&st.woken) == AWAKE)
		cp_agent_forked();
}

static void forked(void)
{
	cp_shim_forked();
	cp_agent_fork_ends();
}

void cp_shim_ending(void)
{
	uint32_t seen = 0;

	/* A filter may kill for the system call by which we know whether we are at home. */
	if (st.inert || cp_load_rlx(&st.woken) != AWAKE || !cp_agent_hears_of_end() ||
	    !cp_shim_at_home())
		return;
	if (cp_cas_rlx(&st.ended, &seen, 1))
		cp_agent_exit();
}

static void stand_in_front(void)
{
	const char *path = "";

	if (cp_shim_takeover()) {
		st.heap_idle = false;
		cp_self.heap_left = 0;
		return;
	}
	cp_shim_object_of(cp_shim_outer_malloc("malloc"), &path);
	cp_log("malloc is that of %s, which comes before libcprof.so: no heap profile",
	       *path ? path : "the program itself");
}

__attribute__((constructor)) static void at_start(void)
{
	/* Another library's thread may be at it, and wait for the loader's lock: so for a while. */
	for (unsigned i = 0; i < 1000 && !cp_shim_boot(); i++)
		sched_yield();
	wake();
	/* acq: with wake(). Another thread may be in it, but not for long. */
	while (cp_load_acq(&st.woken) == WAKING)
		sched_yield();
	if (st.why) {
		cp_log_init(NULL);
		cp_log("staying inert: %s%s", st.why, st.what);
	}
	if (st.inert || cp_load_rlx(&st.woken) != AWAKE)
		return;
	if (st.heap_idle && cp_agent_samples_heap())
		stand_in_front();
	cp_shim_aside((struct cp_shim_interest){.allocations = cp_agent_samples_heap(),
						.locks = cp_probe_waits(),
						.io = cp_probe_waits_for_io()});
	pthread_atfork(cp_agent_fork_begins, cp_agent_fork_ends, forked);
	cp_agent_start();
}

__attribute__((destructor)) static void at_end(void)
{
	cp_shim_ending();
}
