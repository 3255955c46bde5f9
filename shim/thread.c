/* SPDX-License-Identifier: MIT */
/*
 * thread.c - threads as the host makes them
 *
 * Context  HOST
 * Shared   slot[].taken: claimed by who makes a thread (CAS), given back by the
 *          new thread, or by its maker when there is none.
 * Order    taken: release when given back, acquire when claimed: the next owner
 *          writes only after the last one has read. What the maker wrote
 *          reaches the thread through the real call.
 * Holds    Errors, attributes and the start routine's frame are the host's: our
 *          trampoline jumps to it and leaves nothing on the stack.
 * Fails    No slot free: the thread starts without trampoline; its stack is probed,
 *          and the agent meets it at its next reading.
 * Why      The start arguments must not lie in the host's heap, nor on the
 *          maker's stack, which may be gone when the thread starts. A slot
 *          that a forked child inherits as taken stays so: its thread isn't there.
 */
#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "table.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>

#define SLOTS 4096U /* made, and not yet begun: on a busy machine most of a burst */

struct slot {
	uint32_t taken;
	size_t stack_size;
	uint32_t creation;
	void (*start)(void); /* a cp_start_fn, or C11's */
	void *arg;
};

static uint32_t next; /* where the search begins (relaxed) */
static struct slot slot[SLOTS] CP_SPARSE;

static struct slot *claim(void)
{
	uint32_t from = cp_add_rlx(&next, 1);

	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *s = &slot[(from + i) % SLOTS];
		uint32_t seen = 0;

		/* acq: with give_back */
		if (!cp_load_rlx(&s->taken) && cp_cas_acq(&s->taken, &seen, 1))
			return s;
	}
	return NULL;
}

/* What the host passed on, a collector of garbage that looks for it everywhere would find here. */
static void give_back(struct slot *s)
{
	s->arg = NULL;
	cp_store_rel(&s->taken, 0); /* rel: with claim */
}

/* In the new thread: what it is to do. */
static struct slot begin(struct slot *s)
{
	struct slot mine = *s;

	give_back(s);
	cp_thread_set_stack(mine.stack_size);
	cp_agent_thread_begins((uintptr_t)mine.start, mine.creation);
	return mine;
}

static void *trampoline(void *arg)
{
	struct slot mine = begin(arg);

	return ((cp_start_fn *)mine.start)(mine.arg);
}

static int c11_trampoline(void *arg)
{
	struct slot mine = begin(arg);

	return ((cp_thrd_fn *)mine.start)(mine.arg);
}

/* 0: unknown. */
static size_t stack_size_of(const pthread_attr_t *attr)
{
	pthread_attr_t fallback;
	size_t size = 0;

	if (attr)
		return pthread_attr_getstacksize(attr, &size) ? 0 : size;
	if (pthread_getattr_default_np(&fallback))
		return 0;
	if (pthread_attr_getstacksize(&fallback, &size))
		size = 0;
	pthread_attr_destroy(&fallback);
	return size;
}

/* NULL: no slot is free. Changes no errno. */
static struct slot *prepare(const pthread_attr_t *attr, void (*start)(void), void *arg,
			    uint32_t creation)
{
	int host_errno = errno;
	size_t size = stack_size_of(attr);
	struct slot *s = claim();

	errno = host_errno;
	if (s) {
		s->stack_size = size;
		s->creation = creation;
		s->start = start;
		s->arg = arg;
	}
	return s;
}

static uint32_t making(const struct cp_regs *caller, void (*start)(void))
{
	int host_errno = errno;
	uint32_t creation = cp_agent_thread_making(caller, (uintptr_t)start);

	errno = host_errno;
	return creation;
}

static void made(struct slot *s, uint32_t creation, bool ok)
{
	int host_errno = errno;

	if (ok)
		cp_agent_thread_made(creation);
	else if (s)
		give_back(s);
	errno = host_errno;
}

/* Exported under libc's versions by versions_ARCH.S. */
int cp_shim_pthread_create(pthread_t *thread, const pthread_attr_t *attr, cp_start_fn *start,
			   void *arg);

CP_NOINLINE int cp_shim_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
				       cp_start_fn *start, void *arg)
{
	struct cp_regs caller = CP_CALLER_REGS();
	uint32_t creation = making(&caller, (void (*)(void))start);
	struct slot *s = prepare(attr, (void (*)(void))start, arg, creation);
	int err = s ? cp_real.pthread_create(thread, attr, trampoline, s)
		    : cp_real.pthread_create(thread, attr, start, arg);

	made(s, creation, !err);
	return err;
}

/* Libc's makes its thread without a call that is seen. */
CP_EXPORT CP_NOINLINE int thrd_create(thrd_t *thread, cp_thrd_fn *start, void *arg)
{
	struct cp_regs caller = CP_CALLER_REGS();
	uint32_t creation = making(&caller, (void (*)(void))start);
	struct slot *s = prepare(NULL, (void (*)(void))start, arg, creation);
	int result = s ? cp_real.thrd_create(thread, c11_trampoline, s)
		       : cp_real.thrd_create(thread, start, arg);

	made(s, creation, result == thrd_success);
	return result;
}
