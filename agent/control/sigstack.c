/* SPDX-License-Identifier: MIT */
/*
 * sigstack.c - signal stacks that several threads have
 *
 * Context  HOST; FORK, in the child: cp_sigstack_forked
 * Calls    sigact.c, ticker.c, trigger.c; a system call or two.
 * Shared   last_at: a word for each place, by exchange, relaxed: of two threads that come with
 *          one stack at once the second meets the first. shared: set once (relaxed).
 * Holds    From the moment a second thread has a stack that another has, and before it gets it,
 *          our handlers run on the thread's own stack, in all threads.
 * Fails    Another stack that falls to the same place between the two hides the first.
 * Why      A program that wants a handler for the overflow of a stack alone may give all its
 *          threads one stack for it, as Varnish does: no two of them overflow at once. But two are
 *          sampled at once, and the one's frame would overwrite the other's.
 */
#include "sigstack.h"

#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/sigact.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "ticker.h"
#include "trigger.h"

#include <errno.h>

#define PLACES	 1024
#define TID_BITS 22 /* the kernel's own bound */
#define TID_MASK ((1ULL << TID_BITS) - 1)
#define SP_SHIFT 5 /* two that begin within 32 bytes are one */

/* Who got a stack that falls there last: its address, and the thread. 0: nobody. */
static uint64_t last_at[PLACES] CP_SPARSE;
static bool shared;

static uint64_t pack(uintptr_t sp, uint64_t tid)
{
	return (uint64_t)sp >> SP_SHIFT << TID_BITS | (tid & TID_MASK);
}

static uint64_t *place_of(uintptr_t sp)
{
	return &last_at[(sp >> SP_SHIFT) * 0x9e3779b97f4a7c15ULL >> 54];
}

_Static_assert(PLACES == 1 << (64 - 54), "place_of");

static bool is_other_thread(uint64_t last, uint64_t own)
{
	return last >> TID_BITS == own >> TID_BITS && last != own &&
	       CP_SYS(SYS_tgkill, cp_sys_getpid(), last & TID_MASK, 0) != -ESRCH;
}

static CP_COLD void leave_signal_stacks(void)
{
	cp_sigact_leave_stacks();
	cp_ticker_set_again();
	cp_trigger_set_again();
}

static void enter(uintptr_t sp)
{
	uint64_t own = pack(sp, (uint64_t)cp_sys_gettid());
	uint64_t last = cp_xchg_rlx(place_of(sp), own);

	if (!cp_load_rlx(&shared) && is_other_thread(last, own)) {
		leave_signal_stacks(); /* a second thread may do it too */
		cp_store_rlx(&shared, true);
	}
}

static void leave(uintptr_t sp)
{
	uint64_t own = pack(sp, (uint64_t)cp_sys_gettid());

	cp_cas_rlx(place_of(sp), &own, 0UL);
}

uintptr_t cp_sigstack_is(struct cp_thread *t, uintptr_t sp)
{
	uintptr_t was = t->signal_stack;

	if (sp == was)
		return was;
	if (was)
		leave(was);
	t->signal_stack = sp;
	if (sp)
		enter(sp);
	return was;
}

void cp_sigstack_forked(const struct cp_thread *t)
{
	if (t->signal_stack)
		enter(t->signal_stack);
}
