/* SPDX-License-Identifier: MIT */
/*
 * bare.c - room for one thread that libc never learns of, used again and again
 *
 * Context  EARLY, ANY; cp_bare_part_files on the thread itself
 * Calls    rt only.
 * Shared   *tid, in memory a forked child finds zeroed: written by the kernel.
 * Order    tid: acq, pairs with the kernel's store when the thread has left its stack.
 * Holds    see bare.h
 */
#include "bare.h"

#include "../rt/atomic.h"
#include "../rt/clone.h"
#include "../rt/filter.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "../rt/thread.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

#define STACK_SIZE (512UL << 10)
#define ROOMS	   4
#define TLS_MARGIN (64UL << 10) /* beyond our own variables: what libc keeps there */

static struct {
	uint32_t *tid[ROOMS]; /* of each room */
	unsigned rooms;
} st;

/* The stack, below it a page nobody may touch, above it the thread block, with room
 * for thread-local variables on the side where this processor has them; then tid. */
int cp_bare_init(struct cp_bare *b)
{
	intptr_t self_offset = (intptr_t)&cp_self - (intptr_t)cp_thread_pointer();
	size_t below = TLS_MARGIN + (self_offset < 0 ? (size_t)-self_offset : 0);
	size_t above = TLS_MARGIN + (self_offset > 0 ? (size_t)self_offset : 0);
	char *map;

	below = CP_ALIGN_UP(below, CP_PAGE);
	above = CP_ALIGN_UP(above, CP_PAGE);
	map = cp_mem_wiped(CP_PAGE + STACK_SIZE + below + above + CP_PAGE);
	if (!map)
		return -ENOMEM;
	CP_SYS(SYS_mprotect, map, CP_PAGE, PROT_NONE);
	b->stack_top = map + CP_PAGE + STACK_SIZE;
	b->block = b->stack_top + below;
	b->self = (void *)(b->block + self_offset);
	b->tid = (void *)(b->block + above);
	if (st.rooms < ROOMS)
		st.tid[st.rooms++] = b->tid;
	return 0;
}

/* The last thread may still be on its way out, on the stack we need. It has nothing left
 * to do but one system call, so this is short; the kernel wakes us, by a shared futex. */
static bool wait_for_stack(struct cp_bare *b)
{
	struct timespec ts = {0, 100000000};
	uint32_t tid;

	for (int tries = 0; (tid = cp_load_acq(b->tid)) != 0; tries++) { /* see Order */
		if (tries == 50)
			return false;
		CP_SYS(SYS_futex, b->tid, FUTEX_WAIT, tid, &ts);
	}
	return true;
}

int cp_bare_start(struct cp_bare *b, void (*fn)(void *), void *arg)
{
	uint64_t mask, floats;
	long r;

	if (!wait_for_stack(b))
		return -EAGAIN;
	memset(b->self, 0, sizeof(*b->self));
	b->self->own_files = cp_self.own_files; /* the table is its maker's */
	cp_clone_block(b->block);
	cp_sys_block_signals(&mask);
	floats = cp_cpu_floats_begin(); /* it has what its maker traps on */
	r = cp_clone_thread(fn, arg, b->stack_top, b->block, b->tid);
	cp_cpu_floats_end(floats);
	cp_sys_restore_signals(&mask);
	return r < 0 ? (int)r : 0;
}

uint32_t cp_bare_running(uint64_t *who)
{
	uint32_t n = 0;

	*who = 0;
	for (unsigned i = 0; i < st.rooms; i++) {
		uint32_t tid = cp_load_rlx(st.tid[i]);

		*who += tid;
		n += tid != 0;
	}
	return n;
}

bool cp_bare_is(uint32_t tid)
{
	bool found = false;

	for (unsigned i = 0; i < st.rooms; i++)
		found |= cp_load_rlx(st.tid[i]) == tid;
	return found;
}

/* The host never sees the descriptors of such a thread, can't close them under it, does
 * not pass them on, and what it closes itself is closed: a pipe's reader is not kept
 * waiting by us. But behind a filter nobody could say a line without a copy of 2, which is
 * then kept as long as the host keeps it (log.c). */
bool cp_bare_part_files(void)
{
	bool keeps;

	if (CP_SYS(SYS_close_range, 3, UINT_MAX, CLOSE_RANGE_UNSHARE))
		return false;
	cp_self.own_files = true;
	/* Asked from here on, where the host meets no descriptor of ours, nor changes its own. */
	keeps = cp_log_is_stderr() && cp_filtered();
	CP_SYS(SYS_close_range, 0, keeps ? 1 : 2, 0);
	return true;
}
