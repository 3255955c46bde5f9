/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - pthread mutexes, as the host takes and releases them
 *
 * Context  EARLY, HOST; SIGNAL where the host's own handlers lock.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    A mutex whose word says "free", or "nobody waits", costs a load, a branch
 *          and a jump (test/cases/shape.sh).
 *          Whether a mutex is contended is never decided by taking it where that
 *          could differ from the real call: try-lock on a robust one answers
 *          EOWNERDEAD with the lock held, on a priority-inheriting one it overtakes.
 *          After the real unlock the mutex is not looked at: it may be gone.
 * Why      The word is glibc's: 0 free, 1 taken, 2 taken and perhaps waited for;
 *          the owner's thread id where the kernel takes part. To be wrong costs
 *          a sample, never the lock: the real function decides.
 */
#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "../agent/rt/sys.h"
#include "table.h"

#include <errno.h>

/* Bits of glibc's kind. */
enum { TYPE = 3, NORMAL = 0, RECURSIVE = 1, ROBUST = 0x10, INHERIT = 0x20, PROTECT = 0x40 };
/* A priority ceiling is kept above the word proper. */
#define CEILING 0xfff80000U

CP_INLINE uint32_t word_of(const pthread_mutex_t *m)
{
	return (uint32_t)cp_load_rlx(&m->__data.__lock);
}

static int kind_of(const pthread_mutex_t *m)
{
	return cp_load_rlx(&m->__data.__kind);
}

/* Does another thread have it? One look, no more. */
static bool is_taken(const pthread_mutex_t *m)
{
	int kind = kind_of(m);
	uint32_t word = word_of(m), owner = (uint32_t)cp_load_rlx(&m->__data.__owner);

	if (kind & (ROBUST | INHERIT))
		owner = word &= FUTEX_TID_MASK;
	else if (kind & PROTECT)
		word &= ~CEILING;
	if (!word)
		return false;
	return (kind & TYPE) == NORMAL || owner != (uint32_t)cp_sys_gettid();
}

static bool may_be_tried(const pthread_mutex_t *m)
{
	return !(kind_of(m) & (ROBUST | INHERIT | PROTECT));
}

/* Did a call that answered so wait before? */
static bool has_waited(int result)
{
	return result == 0 || result == ETIMEDOUT || result == EOWNERDEAD ||
	       result == ENOTRECOVERABLE;
}

#define CALL(name)                                         \
	{                                                  \
		(uintptr_t) cp_real.name, CP_CALLER_REGS() \
	}

static int lock_contended(pthread_mutex_t *m, const struct cp_call *call)
{
	struct cp_wait outer;
	int result;

	cp_probe_wait_begin(&outer, CP_WAIT_MUTEX, m, call);
	result = cp_real.pthread_mutex_lock(m);
	cp_probe_wait_end(&outer, call, has_waited(result));
	return result;
}

/* Tries first where that is what the real one does: a recursive one's own thread, and
 * a mutex that came free meanwhile, don't wait. */
static CP_NOINLINE int lock_slow(pthread_mutex_t *m)
{
	struct cp_call call = CALL(pthread_mutex_lock);
	int result = EBUSY;

	if (!cp_probe_waits())
		return cp_real.pthread_mutex_lock(m);
	if (may_be_tried(m))
		result = cp_real.pthread_mutex_trylock(m);
	else if (!is_taken(m))
		return cp_real.pthread_mutex_lock(m);
	return result == EBUSY ? lock_contended(m, &call) : result;
}

/* The timed ones look at their clock's number before the mutex, so they aren't tried. */
static CP_NOINLINE int timedlock_slow(pthread_mutex_t *m, const struct timespec *until)
{
	struct cp_call call = CALL(pthread_mutex_timedlock);
	struct cp_wait outer;
	int result;

	if (!cp_probe_waits() || !is_taken(m))
		return cp_real.pthread_mutex_timedlock(m, until);
	cp_probe_wait_begin(&outer, CP_WAIT_MUTEX, m, &call);
	result = cp_real.pthread_mutex_timedlock(m, until);
	cp_probe_wait_end(&outer, &call, has_waited(result));
	return result;
}

static CP_NOINLINE int clocklock_slow(pthread_mutex_t *m, clockid_t clock,
				      const struct timespec *until)
{
	struct cp_call call = CALL(pthread_mutex_clocklock);
	struct cp_wait outer;
	int result;

	if (!cp_probe_waits() || !is_taken(m))
		return cp_real.pthread_mutex_clocklock(m, clock, until);
	cp_probe_wait_begin(&outer, CP_WAIT_MUTEX, m, &call);
	result = cp_real.pthread_mutex_clocklock(m, clock, until);
	cp_probe_wait_end(&outer, &call, has_waited(result));
	return result;
}

CP_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (CP_UNLIKELY(word_of(m)))
		return lock_slow(m);
	return cp_real.pthread_mutex_lock(m);
}

CP_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
	if (CP_UNLIKELY(word_of(m)))
		return timedlock_slow(m, until);
	return cp_real.pthread_mutex_timedlock(m, until);
}

CP_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock,
				      const struct timespec *until)
{
	if (CP_UNLIKELY(word_of(m)))
		return clocklock_slow(m, clock, until);
	return cp_real.pthread_mutex_clocklock(m, clock, until);
}

/* Ours for the sake of cp_real: it waits for nobody. */
CP_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
	return cp_real.pthread_mutex_trylock(m);
}

/* An inner unlock of a recursive mutex releases nothing. */
static bool is_released(const pthread_mutex_t *m)
{
	return (kind_of(m) & TYPE) != RECURSIVE || m->__data.__count <= 1;
}

static CP_NOINLINE int unlock_slow(pthread_mutex_t *m)
{
	struct cp_call call = CALL(pthread_mutex_unlock);
	struct cp_handover h = {0};
	int result;

	if (is_released(m))
		h = cp_probe_unlock_begin(m);
	result = cp_real.pthread_mutex_unlock(m);
	if (h.hit && result == 0)
		cp_probe_unlock_end(&h, &call);
	return result;
}

CP_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (CP_UNLIKELY(word_of(m) > 1))
		return unlock_slow(m);
	return cp_real.pthread_mutex_unlock(m);
}
