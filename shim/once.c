/* SPDX-License-Identifier: MIT */
/*
 * once.c - what is done once, while others wait for it
 *
 * Context  HOST
 * Calls    cp_real, probe.h. Never: touch errno.
 * Shared   running: its own thread's; a handler may push and pop in between.
 * Holds    What has been done costs a load, a branch and a jump.
 *          The host's routine runs from ours, which must charge who waits before libc
 *          wakes them. It takes its note off `running` before it calls the host: what is
 *          thrown or cancelled out of that leaves nothing behind. A wait left otherwise
 *          leaves a note that nobody reads: each call puts its own on top.
 * Why      The word is glibc's. libc's call passes no argument on.
 */
#include "../agent/rt/atomic.h"
#include "wait.h"

enum { IN_PROGRESS = 1, DONE = 2 };

struct once {
	struct once *outer;
	cp_once_fn *routine;
	const int *word;
	bool waits, ran;
	struct cp_waiter w;
	struct cp_handover h;
};

static __thread struct once *running __attribute__((tls_model("initial-exec")));

static void run(void)
{
	struct once *o = running;

	running = o->outer;
	o->ran = true;
	o->routine();
	o->h = cp_probe_unlock_begin(o->word);
}

/* A routine that is under way is waited for or, if it is given up, run after all. */
static void begin(struct once *o, struct cp_call call)
{
	o->outer = running;
	running = o;
	o->waits = cp_load_rlx(o->word) & IN_PROGRESS;
	if (o->waits)
		cp_probe_wait_begin(&o->w, call, CP_WAIT_ONCE, o->word, NULL);
}

static void end(struct once *o, struct cp_call call)
{
	running = o->outer;
	if (o->waits)
		cp_probe_wait_end(&o->w, !o->ran);
	if (o->h.hit)
		cp_probe_unlock_end(&o->h, call);
}

static CP_NOINLINE int once_slow(pthread_once_t *control, cp_once_fn *routine)
{
	const struct cp_call call = CP_CALL(pthread_once);
	struct once o = {.routine = routine, .word = control};
	int result;

	if (!cp_probe_waits())
		return cp_real.pthread_once(control, routine);
	begin(&o, call);
	result = cp_real.pthread_once(control, run);
	end(&o, call);
	return result;
}

CP_EXPORT int pthread_once(pthread_once_t *control, cp_once_fn *routine)
{
	if (CP_UNLIKELY(!(cp_load_rlx(control) & DONE)))
		return once_slow(control, routine);
	return cp_real.pthread_once(control, routine);
}

static CP_NOINLINE void call_once_slow(once_flag *flag, cp_once_fn *routine)
{
	const struct cp_call call = CP_CALL(call_once);
	struct once o = {.routine = routine, .word = &flag->__data};

	if (!cp_probe_waits()) {
		cp_real.call_once(flag, routine);
		return;
	}
	begin(&o, call);
	cp_real.call_once(flag, run);
	end(&o, call);
}

CP_EXPORT void call_once(once_flag *flag, cp_once_fn *routine)
{
	if (CP_UNLIKELY(!(cp_load_rlx(&flag->__data) & DONE)))
		call_once_slow(flag, routine);
	else
		cp_real.call_once(flag, routine);
}
