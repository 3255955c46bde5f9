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
#include "mutex.h"

#include "../agent/rt/sys.h"
#include "wait.h"

/* Bits of glibc's kind. */
enum { TYPE = 3, NORMAL = 0, RECURSIVE = 1, ROBUST = 0x10, INHERIT = 0x20, PROTECT = 0x40 };
/* A priority ceiling is kept above the word proper. */
#define CEILING 0xfff80000U

static int kind_of(const pthread_mutex_t *m)
{
	return cp_load_rlx(&m->__data.__kind);
}

bool cp_mutex_is_taken(const pthread_mutex_t *m)
{
	int kind = kind_of(m);
	uint32_t word = cp_mutex_word(m), owner = (uint32_t)cp_load_rlx(&m->__data.__owner);

	if (kind & (ROBUST | INHERIT))
		owner = word &= FUTEX_TID_MASK;
	else if (kind & PROTECT)
		word &= ~CEILING;
	if (!word)
		return false;
	return (kind & TYPE) == NORMAL || owner != cp_thread_ready()->tid;
}

static bool may_be_tried(const pthread_mutex_t *m)
{
	return !(kind_of(m) & (ROBUST | INHERIT | PROTECT));
}

/* Tries first where that is what the real one does: a recursive one's own thread, and
 * a mutex that came free meanwhile, don't wait. */
static CP_NOINLINE int lock_slow(pthread_mutex_t *m)
{
	int tried = EBUSY;

	if (!cp_probe_waits())
		return cp_real.pthread_mutex_lock(m);
	if (may_be_tried(m))
		tried = cp_real.pthread_mutex_trylock(m);
	else if (!cp_mutex_is_taken(m))
		return cp_real.pthread_mutex_lock(m);
	if (tried != EBUSY)
		return tried;
	return CP_WAITING(CP_WAIT_MUTEX, m, NULL, pthread_mutex_lock, (m), cp_has_waited(result));
}

/* The timed ones look at their clock's number before the mutex, so they aren't tried. */
static CP_NOINLINE int timedlock_slow(pthread_mutex_t *m, const struct timespec *until)
{
	if (!cp_probe_waits() || !cp_mutex_is_taken(m))
		return cp_real.pthread_mutex_timedlock(m, until);
	return CP_WAITING(CP_WAIT_MUTEX | CP_WAIT_TIMED, m, NULL, pthread_mutex_timedlock,
			  (m, until), cp_has_waited(result));
}

static CP_NOINLINE int clocklock_slow(pthread_mutex_t *m, clockid_t clock,
				      const struct timespec *until)
{
	if (!cp_probe_waits() || !cp_mutex_is_taken(m))
		return cp_real.pthread_mutex_clocklock(m, clock, until);
	return CP_WAITING(CP_WAIT_MUTEX | CP_WAIT_TIMED, m, NULL, pthread_mutex_clocklock,
			  (m, clock, until), cp_has_waited(result));
}

CP_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (CP_UNLIKELY(cp_mutex_word(m)))
		return lock_slow(m);
	return cp_real.pthread_mutex_lock(m);
}

CP_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
	if (CP_UNLIKELY(cp_mutex_word(m)))
		return timedlock_slow(m, until);
	return cp_real.pthread_mutex_timedlock(m, until);
}

CP_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock,
				      const struct timespec *until)
{
	if (CP_UNLIKELY(cp_mutex_word(m)))
		return clocklock_slow(m, clock, until);
	return cp_real.pthread_mutex_clocklock(m, clock, until);
}

/* Ours for the sake of cp_real: it waits for nobody. */
CP_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
	return cp_real.pthread_mutex_trylock(m);
}

bool cp_mutex_is_released(const pthread_mutex_t *m)
{
	return (kind_of(m) & TYPE) != RECURSIVE || m->__data.__count <= 1;
}

void cp_mutex_gives_up(const pthread_mutex_t *m, struct cp_call call)
{
	struct cp_handover h;

	if (cp_mutex_word(m) <= 1 || !cp_probe_is_awaited(m) || !cp_mutex_is_released(m))
		return;
	h = cp_probe_unlock_begin(m);
	if (h.hit)
		cp_probe_unlock_end(&h, call);
}

static CP_NOINLINE int unlock_awaited(pthread_mutex_t *m)
{
	const struct cp_call call = CP_CALL(pthread_mutex_unlock);
	struct cp_handover h = cp_probe_unlock_begin(m);
	int result = cp_real.pthread_mutex_unlock(m);

	if (h.hit && result == 0)
		cp_probe_unlock_end(&h, call);
	return result;
}

/* Most that may be waited for are by none who is looked at. */
static CP_NOINLINE int unlock_slow(pthread_mutex_t *m)
{
	if (cp_probe_is_awaited(m) && cp_mutex_is_released(m))
		return unlock_awaited(m);
	return cp_real.pthread_mutex_unlock(m);
}

CP_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (CP_UNLIKELY(cp_mutex_word(m) > 1))
		return unlock_slow(m);
	return cp_real.pthread_mutex_unlock(m);
}
