/* SPDX-License-Identifier: MIT */
/*
 * exclusive.c - the one lock of the control room
 *
 * Context  CONTROL
 * Calls    rt only.
 * Shared   st.word, in memory a forked child finds zeroed. st.by is of who is inside.
 * Order    word: acq by who enters / rel (an exchange) by who leaves.
 * Holds    0 free, INSIDE, or WAITED: inside, and someone sleeps on the word.
 */
#include "exclusive.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/sys.h"

#include <errno.h>

enum { FREE = 0, INSIDE, WAITED };

static struct {
	uint32_t *word;
	int64_t by;
} st;

int cp_exclusive_init(void)
{
	st.word = cp_mem_wiped(sizeof(*st.word));
	return st.word ? 0 : -ENOMEM;
}

static void wait_inside(void)
{
	uint32_t seen = FREE;

	if (cp_cas_acq(st.word, &seen, INSIDE)) /* see Order */
		return;
	while (cp_xchg_acqrel(st.word, WAITED) != FREE)
		cp_sys_futex_wait(st.word, WAITED, NULL);
}

void cp_exclusive_enter(int64_t by)
{
	wait_inside();
	st.by = by;
}

int64_t cp_exclusive_by(void)
{
	return st.by;
}

void cp_exclusive_leave(void)
{
	if (cp_xchg_acqrel(st.word, FREE) == WAITED) /* see Order */
		cp_sys_futex_wake(st.word, 1);
}
