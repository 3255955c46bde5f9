/* SPDX-License-Identifier: MIT */
/*
 * unload.c - the unloader's side: announce, wait for walks inside the tables
 *
 * Context  HOST: in the dlclose wrapper, before and after the real call.
 * Calls    clock_gettime; mmap, madvise and nanosleep straight to the kernel.
 * Shared, Order, Holds, Why: unload.h
 */
#include "unload.h"

#include "../rt/mem.h"
#include "../rt/sys.h"

#include <errno.h>

#define WAIT_NS	  (10 * 1000000LL)
#define SLEEP_NS  50000
#define SPINS_MAX 64

static struct cp_unload first;
struct cp_unload *cp_unload_state CP_WARM = &first;

int cp_unload_init(void)
{
	struct cp_unload *u;

	if (cp_unload_state != &first)
		return 0;
	u = cp_mem_wiped(sizeof(*u));
	if (!u)
		return -ENOMEM;
	cp_unload_state = u;
	return 0;
}

static bool walks_inside(const struct cp_unload *u)
{
	/* Acquire: pairs with the release of cp_unload_leave. */
	return cp_load_acq(&u->cold) > cp_load_rlx(&u->gone);
}

static void wait_for_walks(struct cp_unload *u)
{
	int64_t until;

	for (int i = 0; i < SPINS_MAX; i++) {
		if (!walks_inside(u))
			return;
		cp_cpu_pause();
	}
	until = cp_now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	while (walks_inside(u) && cp_now_ns(CLOCK_MONOTONIC) < until)
		cp_sys_nap(SLEEP_NS);
}

void cp_unload_begin(void)
{
	struct cp_unload *u = cp_unload_state;
	int32_t cold;

	cp_add_acqrel(&u->unloading, 1);
	cp_fence_seq(); /* pairs with the fence of cp_unload_enter */
	cold = cp_load_rlx(&u->cold);
	if (cold < cp_load_rlx(&u->gone))
		cp_store_rlx(&u->gone, cold); /* one came back after all */
	wait_for_walks(u);
	if (walks_inside(u))
		cp_store_rlx(&u->gone, cp_load_rlx(&u->cold));
}

void cp_unload_end(void)
{
	int32_t n = cp_load_rlx(&cp_unload_state->unloading);

	/* A child forked from inside a dlclose finds 0 here and leaves it so.
	 * Release: the loader's work comes before the all-clear, which
	 * cp_unload_enter's fence orders for the reader. */
	while (n > 0 && !cp_cas_rel(&cp_unload_state->unloading, &n, n - 1))
		;
}
