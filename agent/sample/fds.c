/* SPDX-License-Identifier: MIT */
/*
 * fds.c - which descriptors don't block
 *
 * Context  as fds.h says of each
 * Calls    a system call.
 * Shared   st and cp_fds, relaxed: two samples at once forget one word twice, and one a turn
 *          later; who asks while a word is forgotten knows more, or less, for a turn.
 * Holds    ASKS questions are allowed by each sample, and at the start of a process that will
 *          have some. Without samples, which forget, nothing is asked.
 */
#include "fds.h"

#include "../rt/sys.h"

#define ASKS 64U /* as many as a sample forgets */

struct cp_fds cp_fds CP_WARM;

static struct {
	uint32_t turn, asks;
	bool off;
} st;

static bool may_ask(void)
{
	uint32_t left = cp_load_rlx(&st.asks);

	if (!left || cp_load_rlx(&st.off))
		return false;
	cp_store_rlx(&st.asks, left - 1);
	return true;
}

void cp_fds_ask(int fd)
{
	uint32_t i = (uint32_t)fd;
	long flags;

	if (i >= CP_FDS || cp_fds_bit(cp_fds.asked, fd) || !may_ask())
		return;
	flags = CP_SYS(SYS_fcntl, fd, F_GETFL);
	if (flags >= 0 && flags & O_NONBLOCK)
		cp_or_rlx(&cp_fds.never_waits[i / 64], 1UL << i % 64);
	cp_or_rlx(&cp_fds.asked[i / 64], 1UL << i % 64);
}

static void forget(uint32_t word)
{
	if (!(cp_load_rlx(&cp_fds.never_waits[word]) | cp_load_rlx(&cp_fds.asked[word])))
		return;
	cp_store_rlx(&cp_fds.never_waits[word], 0UL);
	cp_store_rlx(&cp_fds.asked[word], 0UL);
}

void cp_fds_begin(void)
{
	cp_store_rlx(&st.asks, ASKS);
}

void cp_fds_sampled(void)
{
	uint32_t word = cp_load_rlx(&st.turn);

	cp_store_rlx(&st.turn, (word + 1) % CP_ARRAY_LEN(cp_fds.asked));
	cp_store_rlx(&st.asks, ASKS);
	forget(word);
}

static void forget_all(void)
{
	for (uint32_t word = 0; word < CP_ARRAY_LEN(cp_fds.asked); word++)
		forget(word);
}

void cp_fds_forked(bool sampled)
{
	forget_all();
	cp_store_rlx(&st.asks, sampled ? ASKS : 0);
}

void cp_fds_stop(void)
{
	cp_store_rlx(&st.off, true);
	forget_all();
}
