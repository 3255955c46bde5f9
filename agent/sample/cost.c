/* SPDX-License-Identifier: MIT */
/*
 * cost.c - what the agent itself costs the host, by what it does
 *
 * Context  as cost.h says of each
 * Calls    rt, govern.c.
 * Shared   st.sums: relaxed adds.
 * Fails    Before cp_cost_init nothing is counted.
 * Why      Who is interrupted while he measures would count another's time: beyond MOST ticks
 *          it isn't ours.
 */
#include "cost.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/ticks.h"
#include "govern.h"

#include <errno.h>

#define MOST (1U << 19) /* some 200 us; far longer than the coldest walk */

struct sums {
	uint64_t ticks[CP_COSTS], ns[CP_COSTS];
	uint64_t all; /* ticks, over all */
};

static struct {
	struct sums *sums;
} st CP_WARM;

int cp_cost_init(void)
{
	cp_ticks_init();
	st.sums = cp_mem_wiped(sizeof(*st.sums));
	return st.sums ? 0 : -ENOMEM;
}

uint64_t cp_cost_now(void)
{
	uint64_t now = cp_ticks_now();

	return now ? now | 1 : 0;
}

void cp_cost_add(enum cp_cost what, uint64_t began, unsigned times)
{
	uint64_t now = cp_ticks_now();
	int64_t took = (int64_t)(now - began); /* another core's may lag */
	uint64_t ticks = CP_MIN((uint64_t)CP_MAX(took, 0), (uint64_t)MOST) * times, floats;

	if (!st.sums || !began || !now)
		return;
	cp_add_rlx(&st.sums->ticks[what], ticks);
	floats = cp_cpu_floats_begin();
	cp_govern_spent(cp_add_rlx(&st.sums->all, ticks) + ticks, now);
	cp_cpu_floats_end(floats);
}

void cp_cost_add_ns(enum cp_cost what, uint64_t ns)
{
	if (st.sums)
		cp_add_rlx(&st.sums->ns[what], ns);
}

uint64_t cp_cost_ns(enum cp_cost what)
{
	if (!st.sums)
		return 0;
	return (uint64_t)cp_ticks_ns(cp_load_rlx(&st.sums->ticks[what])) +
	       cp_load_rlx(&st.sums->ns[what]);
}
