/* SPDX-License-Identifier: MIT */
/*
 * futex.c - locks that don't go through pthread: Rust's, C++20's, abseil's, the host's own
 *
 * Context  HOST; SIGNAL where the host's own handlers lock.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    Comes here by a jump from `syscall`, with all its arguments.
 *          Who wakes a word is charged for those that wait for it: of a lock that is
 *          who unlocks, of a condition or a parked thread who had something for it.
 * Why      They reach the kernel through libc's syscall. What they call it from is the
 *          leaf: "syscall" says nothing, the lock's own function does.
 */
#include "wait.h"

#include <linux/futex.h>

#define BIT(op) (1U << (op))

enum {
	WAITS = BIT(FUTEX_WAIT) | BIT(FUTEX_WAIT_BITSET) | BIT(FUTEX_LOCK_PI) |
		BIT(FUTEX_LOCK_PI2) | BIT(FUTEX_WAIT_REQUEUE_PI),
	WAKES = BIT(FUTEX_WAKE) | BIT(FUTEX_WAKE_BITSET) | BIT(FUTEX_WAKE_OP) |
		BIT(FUTEX_UNLOCK_PI) | BIT(FUTEX_REQUEUE) | BIT(FUTEX_CMP_REQUEUE) |
		BIT(FUTEX_CMP_REQUEUE_PI),
};

long cp_shim_futex(long nr, long word, long op, long val, long timeout, long word2, long val3);

static bool is_one_of(unsigned set, long op)
{
	unsigned command = (unsigned)op & FUTEX_CMD_MASK;

	return command < 32 && set & BIT(command);
}

CP_NOINLINE long cp_shim_futex(long nr, long word, long op, long val, long timeout, long word2,
			       long val3)
{
	const struct cp_call call = {0, CP_CALLER_SP()};
	struct cp_handover h = {0};
	struct cp_waiter w;
	bool waits = cp_probe_waits() && is_one_of(WAITS, op);
	long result;

	if (waits)
		cp_probe_wait_begin(&w, call, CP_WAIT_FUTEX, (void *)word, NULL);
	else if (is_one_of(WAKES, op))
		h = cp_probe_unlock_begin((void *)word);
	result = cp_real.syscall(nr, word, op, val, timeout, word2, val3);
	if (waits)
		cp_probe_wait_end(&w, cp_has_waited_errno(result));
	if (h.hit && result >= 0)
		cp_probe_unlock_end(&h, call);
	return result;
}
