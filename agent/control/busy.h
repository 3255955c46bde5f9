/* SPDX-License-Identifier: MIT */
/*
 * busy.h - one at a time, for what takes milliseconds: who comes second naps
 *
 * Context  CONTROL
 * Shared   the word, in memory a forked child finds zeroed: nobody is inside there.
 * Order    acq by who enters / rel by who leaves.
 */
#ifndef CP_CONTROL_BUSY_H
#define CP_CONTROL_BUSY_H

#include "../rt/atomic.h"
#include "../rt/sys.h"

CP_INLINE void cp_busy_enter(uint32_t *word)
{
	uint32_t seen = 0;

	while (!cp_cas_acq(word, &seen, 1)) { /* see Order */
		cp_sys_nap(200000);
		seen = 0;
	}
}

CP_INLINE void cp_busy_leave(uint32_t *word)
{
	cp_store_rel(word, 0); /* see Order */
}

#endif
