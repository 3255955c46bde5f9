/* SPDX-License-Identifier: MIT */
/*
 * fds.c - which descriptors don't block
 *
 * Context  as fds.h says of each
 * Calls    a system call; sample/tick.h.
 * Shared   turn: relaxed; two samples at once forget one word twice, and one a turn later.
 */
#include "fds.h"

#include "../rt/sys.h"
#include "tick.h"

struct cp_fds cp_fds __attribute__((aligned(CP_CACHE_LINE)));

static uint32_t turn;

static bool are_samples_taken(void)
{
	return cp_tick_period() && cp_tick_signal();
}

void cp_fds_ask(int fd)
{
	uint32_t i = (uint32_t)fd;
	long flags;

	if (i >= CP_FDS || cp_fds_bit(cp_fds.asked, fd) || !are_samples_taken())
		return;
	flags = CP_SYS(SYS_fcntl, fd, F_GETFL);
	if (flags >= 0 && flags & O_NONBLOCK)
		cp_or_rlx(&cp_fds.never_waits[i / 64], 1UL << i % 64);
	cp_or_rlx(&cp_fds.asked[i / 64], 1UL << i % 64);
}

void cp_fds_forget(void)
{
	uint32_t word = cp_load_rlx(&turn);

	cp_store_rlx(&turn, (word + 1) % CP_ARRAY_LEN(cp_fds.asked));
	if (!(cp_load_rlx(&cp_fds.never_waits[word]) | cp_load_rlx(&cp_fds.asked[word])))
		return;
	cp_store_rlx(&cp_fds.never_waits[word], 0UL);
	cp_store_rlx(&cp_fds.asked[word], 0UL);
}
