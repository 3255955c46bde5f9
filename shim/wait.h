/* SPDX-License-Identifier: MIT */
/*
 * wait.h - what all wrappers of calls that block have in common
 *
 * Context  HOST; SIGNAL where the host's own handlers wait.
 * Holds    Nothing is held across the real call, which may be cancelled or jumped out
 *          of; errno is read, never written.
 */
#ifndef CP_SHIM_WAIT_H
#define CP_SHIM_WAIT_H

#include "../agent/probe.h"
#include "../agent/rt/sys.h"
#include "table.h"

#include <errno.h>

/* What is called, and from where: for a wrapper, or what it ends by jumping to. */
#define CP_CALL(name)                                    \
	{                                                \
		(uintptr_t) cp_real.name, CP_CALLER_SP() \
	}

/* The real call, between the two ends of a wait for `object`; answers its result, which
 * `waited` may look at. By: a struct cp_call at hand. */
#define CP_WAITING_BY(call, kind, object, with, name, args, waited)        \
	({                                                                 \
		__typeof__(cp_real.name args) result;                      \
		struct cp_waiter w;                                        \
                                                                           \
		cp_probe_wait_begin(&w, (call), (kind), (object), (with)); \
		result = cp_real.name args;                                \
		cp_probe_wait_end(&w, (waited));                           \
		result;                                                    \
	})

#define CP_WAITING(kind, object, with, name, args, waited)                     \
	({                                                                     \
		const struct cp_call call = CP_CALL(name);                     \
		CP_WAITING_BY(call, kind, object, with, name, args, (waited)); \
	})

/* The same, unless nobody is interested. */
#define CP_WAITS(kind, object, with, name, args, waited) \
	(cp_probe_waits() ? CP_WAITING(kind, object, with, name, args, waited) : cp_real.name args)

/* The same for a wait nobody records. The caches are cold where it is said, so it touches
 * little: one line of the thread's own, and no clock but the processor's counter. */
#define CP_SAYING(kind_, object_, name, args)                           \
	({                                                              \
		const struct cp_call call = CP_CALL(name);              \
		const struct cp_wait wait = {                           \
			.word = cp_wait_head((kind_), 0, false, false), \
			.object = (uintptr_t)(object_),                 \
			.start = cp_cpu_ticks(),                        \
			.sp = call.sp,                                  \
			.leaf = cp_wait_leaf(call.fn, call.sp),         \
		};                                                      \
		__typeof__(cp_real.name args) result;                   \
                                                                        \
		cp_wait_say(&wait);                                     \
		result = cp_real.name args;                             \
		cp_wait_say_nothing();                                  \
		result;                                                 \
	})

#define CP_WAITS_FOR_IO(kind, object, name, args, waited)                                        \
	(CP_LIKELY(cp_probe_only_says_io()) ? CP_SAYING(kind, object, name, args)                \
	 : cp_probe_waits_for_io()	    ? CP_WAITING(kind, object, NULL, name, args, waited) \
					    : cp_real.name args)

/* Did a call of pthread's that answered so wait before? */
CP_INLINE bool cp_has_waited(int result)
{
	return result == 0 || result == ETIMEDOUT || result == EOWNERDEAD ||
	       result == ENOTRECOVERABLE;
}

/* The same of one that answers by errno. */
CP_INLINE bool cp_has_waited_errno(long result)
{
	return result >= 0 || errno == EINTR || errno == ETIMEDOUT;
}

#endif
