/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - atomics whose names carry the memory order
 *
 * Context  ANY: each is one instruction, or a fence.
 * Why      A reader sees the order where the access stands, and a check
 *          forbids bare builtins elsewhere. Every acq and rel says in a
 *          comment what it pairs with.
 */
#ifndef CP_RT_ATOMIC_H
#define CP_RT_ATOMIC_H

#include "base.h"

#define cp_load_rlx(p)	   __atomic_load_n((p), __ATOMIC_RELAXED)
#define cp_load_acq(p)	   __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define cp_store_rlx(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define cp_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* Each returns the value before the addition. */
#define cp_add_rlx(p, v)    __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define cp_sub_rlx(p, v)    __atomic_fetch_sub((p), (v), __ATOMIC_RELAXED)
#define cp_add_acqrel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define cp_or_rlx(p, v)	    __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define cp_or_acqrel(p, v)  __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)
#define cp_and_acqrel(p, v) __atomic_fetch_and((p), (v), __ATOMIC_ACQ_REL)
#define cp_and_rlx(p, v)    __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)

#define cp_xchg_rlx(p, v)    __atomic_exchange_n((p), (v), __ATOMIC_RELAXED)
#define cp_xchg_acqrel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)

/* cas(p, &seen, v): true when *p was seen and is now v; else seen is updated. */
#define cp_cas_rlx(p, seen, v) \
	__atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define cp_cas_acq(p, seen, v) \
	__atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)
#define cp_cas_rel(p, seen, v) \
	__atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define cp_cas_acqrel(p, seen, v) \
	__atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#define cp_fence_rel() __atomic_thread_fence(__ATOMIC_RELEASE)
#define cp_fence_seq() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* Orders a thread with a signal handler on the same thread: compiler only. */
#define cp_fence_signal() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#endif
