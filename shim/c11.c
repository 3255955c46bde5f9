/* SPDX-License-Identifier: MIT */
/*
 * c11.c - C11's mutexes and condition variables, which are pthread's underneath
 *
 * Context  HOST
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    As mutex.c and cond.c: libc's call their pthread ones inside, unseen by us.
 */
#include "mutex.h"
#include "wait.h"

static pthread_mutex_t *below(mtx_t *m)
{
	return (pthread_mutex_t *)m;
}

static bool has_waited(int result)
{
	return result == thrd_success || result == thrd_timedout;
}

static CP_NOINLINE int mtx_lock_slow(mtx_t *m)
{
	int tried;

	if (!cp_probe_waits())
		return cp_real.mtx_lock(m);
	tried = cp_real.mtx_trylock(m);
	if (tried != thrd_busy)
		return tried;
	return CP_WAITING(CP_WAIT_MUTEX, m, NULL, mtx_lock, (m), has_waited(result));
}

CP_EXPORT int mtx_lock(mtx_t *m)
{
	if (CP_UNLIKELY(cp_mutex_word(below(m))))
		return mtx_lock_slow(m);
	return cp_real.mtx_lock(m);
}

CP_EXPORT int mtx_trylock(mtx_t *m)
{
	return cp_real.mtx_trylock(m);
}

static CP_NOINLINE int mtx_timedlock_slow(mtx_t *m, CP_UNTIL)
{
	if (!cp_probe_waits() || !cp_mutex_is_taken(below(m)))
		return cp_real.mtx_timedlock(m, until);
	return CP_WAITING(CP_WAIT_MUTEX | CP_WAIT_TIMED, m, NULL, mtx_timedlock, (m, until),
			  has_waited(result));
}

CP_EXPORT int mtx_timedlock(mtx_t *m, CP_UNTIL)
{
	if (CP_UNLIKELY(cp_mutex_word(below(m))))
		return mtx_timedlock_slow(m, until);
	return cp_real.mtx_timedlock(m, until);
}

static CP_NOINLINE int mtx_unlock_slow(mtx_t *m)
{
	const struct cp_call call = CP_CALL(mtx_unlock);
	struct cp_handover h = {0};
	int result;

	if (cp_mutex_is_released(below(m)))
		h = cp_probe_unlock_begin(m);
	result = cp_real.mtx_unlock(m);
	if (h.hit && result == thrd_success)
		cp_probe_unlock_end(&h, call);
	return result;
}

CP_EXPORT int mtx_unlock(mtx_t *m)
{
	if (CP_UNLIKELY(cp_mutex_word(below(m)) > 1))
		return mtx_unlock_slow(m);
	return cp_real.mtx_unlock(m);
}

#define CND(name, params, args)                                                                 \
	CP_EXPORT int name params                                                               \
	{                                                                                       \
		const struct cp_call here = CP_CALL(name);                                      \
                                                                                                \
		if (!cp_probe_waits())                                                          \
			return cp_real.name args;                                               \
		cp_mutex_gives_up(below(m), here);                                              \
		return CP_WAITING_BY(here, CP_WAIT_COND, c, m, name, args, has_waited(result)); \
	}

CND(cnd_wait, (cnd_t * c, mtx_t *m), (c, m))
CND(cnd_timedwait, (cnd_t * c, mtx_t *m, CP_UNTIL), (c, m, until))
