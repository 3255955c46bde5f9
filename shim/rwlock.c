/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - pthread read-write locks, as the host takes and releases them
 *
 * Context  EARLY, HOST; SIGNAL where the host's own handlers lock.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    A lock that can be had, or that nobody waits for, costs a load or two, a
 *          branch or two and a jump (test/cases/shape.sh).
 *          After the real unlock the lock is not looked at: it may be gone.
 * Why      The words are glibc's: the first counts who reads or wants to, above three
 *          bits. To be wrong costs a sample, never the lock.
 */
#include "../agent/rt/atomic.h"
#include "wait.h"

/* Bits of the first word, and of the one writers sleep on. */
enum { WRITE_PHASE = 1, WRITER = 2 /* has it, or is the next to */ };
enum { SLEEPERS = 2 };

CP_INLINE uint32_t word_of(const pthread_rwlock_t *l)
{
	return cp_load_rlx(&l->__data.__readers);
}

/* A writer that only waits stops readers where the lock prefers writers. */
static bool stops_readers(const pthread_rwlock_t *l)
{
	uint32_t word = word_of(l);

	return word & WRITER && (word & WRITE_PHASE ||
				 l->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}

static bool stops_writers(const pthread_rwlock_t *l)
{
	return word_of(l) > WRITE_PHASE;
}

/* --- to read ---------------------------------------------------------------- */

static CP_NOINLINE int rdlock_slow(pthread_rwlock_t *l)
{
	int tried;

	if (!cp_probe_waits())
		return cp_real.pthread_rwlock_rdlock(l);
	tried = cp_real.pthread_rwlock_tryrdlock(l);
	if (tried != EBUSY)
		return tried;
	return CP_WAITING(CP_WAIT_RWLOCK_RD, l, NULL, pthread_rwlock_rdlock, (l),
			  cp_has_waited(result));
}

CP_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	if (CP_UNLIKELY(word_of(l) & WRITER))
		return rdlock_slow(l);
	return cp_real.pthread_rwlock_rdlock(l);
}

/* Ours for the sake of cp_real: it waits for nobody. */
CP_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	return cp_real.pthread_rwlock_tryrdlock(l);
}

/* The timed ones look at their time before the lock, so they aren't tried. */
#define TIMED(name, kind, stops, params, args)                                                  \
	static CP_NOINLINE int name##_slow params                                               \
	{                                                                                       \
		if (!cp_probe_waits() || !stops(l))                                             \
			return cp_real.pthread_rwlock_##name args;                              \
		return CP_WAITING((kind) | CP_WAIT_TIMED, l, NULL, pthread_rwlock_##name, args, \
				  cp_has_waited(result));                                       \
	}                                                                                       \
                                                                                                \
	CP_EXPORT int pthread_rwlock_##name params                                              \
	{                                                                                       \
		if (CP_UNLIKELY(word_of(l) > WRITE_PHASE))                                      \
			return name##_slow args;                                                \
		return cp_real.pthread_rwlock_##name args;                                      \
	}

TIMED(timedrdlock, CP_WAIT_RWLOCK_RD, stops_readers, (pthread_rwlock_t * l, CP_UNTIL), (l, until))
TIMED(clockrdlock, CP_WAIT_RWLOCK_RD, stops_readers,
      (pthread_rwlock_t * l, clockid_t clock, CP_UNTIL), (l, clock, until))

/* --- to write --------------------------------------------------------------- */

static CP_NOINLINE int wrlock_slow(pthread_rwlock_t *l)
{
	int tried;

	if (!cp_probe_waits())
		return cp_real.pthread_rwlock_wrlock(l);
	tried = cp_real.pthread_rwlock_trywrlock(l);
	if (tried != EBUSY)
		return tried;
	return CP_WAITING(CP_WAIT_RWLOCK_WR, l, NULL, pthread_rwlock_wrlock, (l),
			  cp_has_waited(result));
}

CP_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	if (CP_UNLIKELY(stops_writers(l)))
		return wrlock_slow(l);
	return cp_real.pthread_rwlock_wrlock(l);
}

CP_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	return cp_real.pthread_rwlock_trywrlock(l);
}

TIMED(timedwrlock, CP_WAIT_RWLOCK_WR, stops_writers, (pthread_rwlock_t * l, CP_UNTIL), (l, until))
TIMED(clockwrlock, CP_WAIT_RWLOCK_WR, stops_writers,
      (pthread_rwlock_t * l, clockid_t clock, CP_UNTIL), (l, clock, until))

/* --- to let go ---------------------------------------------------------------- */

static CP_NOINLINE int unlock_slow(pthread_rwlock_t *l)
{
	const struct cp_call call = CP_CALL(pthread_rwlock_unlock);
	struct cp_handover h = cp_probe_unlock_begin(l);
	int result = cp_real.pthread_rwlock_unlock(l);

	if (h.hit && result == 0)
		cp_probe_unlock_end(&h, call);
	return result;
}

/* Nobody waits while only readers have it, or a writer beside whom no thread wants to read
 * and none sleeps to write. */
CP_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	uint32_t word = word_of(l);

	if (CP_UNLIKELY(word & WRITER && (word != (WRITER | WRITE_PHASE) ||
					  cp_load_rlx(&l->__data.__writers_futex) & SLEEPERS)))
		return unlock_slow(l);
	return cp_real.pthread_rwlock_unlock(l);
}
