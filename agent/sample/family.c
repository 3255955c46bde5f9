/* SPDX-License-Identifier: MIT */
/*
 * family.c - forked processes that end before they can be judged, judged together
 *
 * Context  ANY
 * Calls    rt, the rule in govern.c.
 * Shared   *st.all, between parent, children and theirs: relaxed adds and exchanges. steps
 *          are one word, moved by CAS. st.all: set once by CAS, relaxed: what is there is
 *          zeroed by the kernel.
 * Holds    Who judges takes all there is away first, so nothing is judged twice; two at once
 *          have a part each, and who moves the steps first has moved them. What was spent at other
 *          steps than there are now is not judged.
 *          It is told in profiles, not by a line: a parent may be reading what its child
 *          prints.
 * Fails    Who is killed while he judges takes what he took with him.
 * Why      A server that forks for each request runs for a few ms each time, and each time
 *          has everything to touch anew: the dearest samples there are, and no one process
 *          that would live to see them rarer.
 */
#include "family.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"

#include <string.h>

struct family {
	uint64_t cpu_ns, cost_ns[CP_COST_RATES]; /* not judged yet */
	uint64_t lowered, raised;
	uint32_t steps; /* a byte for each rate */
};

_Static_assert(sizeof(uint32_t) == CP_COST_RATES, "a byte for each rate");
_Static_assert(sizeof(struct family) <= CP_PAGE, "what cp_family_share maps");

static struct {
	struct family *all;
} st CP_WARM;

/* Not at the start: most programs never fork, and the kernel makes a file of it. */
void cp_family_share(void)
{
	struct family *none = NULL, *all;

	if (cp_load_rlx(&st.all))
		return;
	all = cp_mem_map_shared(CP_PAGE);
	if (all && !cp_cas_rlx(&st.all, &none, all))
		cp_mem_unmap(all, CP_PAGE);
}

static uint32_t pack(const uint8_t step[CP_COST_RATES])
{
	uint32_t steps;

	memcpy(&steps, step, sizeof(steps));
	return steps;
}

void cp_family_steps(uint8_t step[CP_COST_RATES])
{
	struct family *f = cp_load_rlx(&st.all);
	uint32_t steps = f ? cp_load_rlx(&f->steps) : 0;

	memcpy(step, &steps, sizeof(steps));
}

struct cp_govern_moves cp_family_moves(void)
{
	struct family *f = cp_load_rlx(&st.all);

	if (!f)
		return (struct cp_govern_moves){0, 0};
	return (struct cp_govern_moves){cp_load_rlx(&f->lowered), cp_load_rlx(&f->raised)};
}

static void give(struct family *f, const struct cp_govern_look *look)
{
	cp_add_rlx(&f->cpu_ns, look->cpu_ns);
	for (unsigned i = 0; i < CP_COST_RATES; i++)
		if (look->cost_ns[i])
			cp_add_rlx(&f->cost_ns[i], look->cost_ns[i]);
}

static void take(struct family *f, struct cp_govern_look *look)
{
	look->cpu_ns += cp_xchg_rlx(&f->cpu_ns, 0UL);
	for (unsigned i = 0; i < CP_COST_RATES; i++)
		look->cost_ns[i] += cp_xchg_rlx(&f->cost_ns[i], 0UL);
}

static void move(struct family *f, uint32_t was, const struct cp_govern_look *look, int way)
{
	if (!cp_cas_rlx(&f->steps, &was, pack(look->step)))
		return;
	cp_add_rlx(way > 0 ? &f->lowered : &f->raised, 1);
}

void cp_family_ended(const struct cp_govern_look *one, uint64_t enough)
{
	struct cp_govern_look look = *one;
	struct family *f = cp_load_rlx(&st.all);
	uint32_t was;
	int way;

	if (!f)
		return;
	was = cp_load_rlx(&f->steps);
	if (pack(one->step) != was)
		return; /* what it cost says nothing of the steps there are now */
	take(f, &look);
	look.whole = cp_govern_spent_on(&look) >= enough;
	way = cp_govern_decide(&look);
	if (way)
		move(f, was, &look, way);
	else if (!look.whole)
		give(f, &look);
}
