/* SPDX-License-Identifier: MIT */
/*
 * unload.h - keeps a walk from reading tables that are being unmapped
 *
 * Context  HOST, SIGNAL: cp_unload_enter, _leave      HOST: _begin, _end
 * Shared   `unloading`: dlcloses under way; `cold`: walks inside the tables.
 *          In memory a forked child finds zeroed: its parent's other threads
 *          are not there to finish.
 * Order    enter: cold++, fence, unloading?   begin: unloading++, fence, cold?
 *          One of the two sees the other: either the walk is careful, or the
 *          unloader waits for it.
 * Holds    A walk reads tables in place only between enter and leave, and only
 *          when enter answered false (not careful).
 * Why      Walks take rules from a copy (the rule cache) and touch a module's
 *          tables some hundred nanoseconds per new address. The loader takes a
 *          library out of _dl_find_object before it unmaps it, so a walk must be
 *          told before the real dlclose. The wait is bounded (10 ms): a walk that
 *          takes longer lost its processor, or was left by siglongjmp from a
 *          handler of the host and never comes back; `gone` remembers those, so that
 *          they are waited for once. What remains is a thread preempted for 10 ms
 *          within the tables of a library whose code is on its stack while another
 *          thread unloads it; such a host would crash on its own return.
 *          Refused: locks (handlers), blocking signals (two system calls per new
 *          address), copying all tables (5 MB for libLLVM). Libraries that libc
 *          unloads by itself (NSS, iconv) don't pass here; nobody runs in them then.
 */
#ifndef CP_SAMPLE_UNLOAD_H
#define CP_SAMPLE_UNLOAD_H

#include "../rt/atomic.h"
#include "../rt/base.h"

struct cp_unload {
	int32_t unloading, cold, gone;
};

/* Never NULL: before cp_unload_init a static one. */
extern struct cp_unload *cp_unload_state;

/* [EARLY] Maps the state a forked child finds zeroed. 0 or -errno. */
int cp_unload_init(void);

/* True: be careful, copy before looking. To be paired with cp_unload_leave. */
CP_INLINE bool cp_unload_enter(void)
{
	cp_add_acqrel(&cp_unload_state->cold, 1);
	cp_fence_seq(); /* pairs with the fence of cp_unload_begin */
	return cp_load_rlx(&cp_unload_state->unloading) > 0;
}

CP_INLINE void cp_unload_leave(void)
{
	/* Release: our reads are done before begin sees the count fall. */
	cp_add_acqrel(&cp_unload_state->cold, -1);
}

/* [HOST] Around the real dlclose; they nest. begin waits 10 ms at most. */
void cp_unload_begin(void);
void cp_unload_end(void);

#endif
