/* SPDX-License-Identifier: MIT */
/*
 * govern.c - keeps what sampling costs within CPROF_BUDGET, by lowering rates
 *
 * Context  EARLY: cp_govern_init      ANY: the rest, inside malloc and handlers too
 * Calls    rt, cost.c; one system call and the log when it looks.
 * Shared   st.life, in memory a forked child finds zeroed: nothing is lowered there.
 *          due: moved on by CAS, and who moved it looks; the rest is that one's until
 *          it sets due again (acq by the CAS / rel by the store). step: relaxed stores, read
 *          by everybody. st.budget: 0 from the moment the process shuts itself in (relaxed).
 * Holds    One step at a time: a rate is judged by what it cost at the step it has.
 * Fails    Who looks and never comes back (a host's handler jumps out) leaves due some
 *          looks ahead: the next one does it then.
 * Why      Looked at by who spends, every LOOK of spending or PAUSE of time: so it needs no
 *          thread, costs a system call in some ten thousand samples, and a process that costs
 *          nothing is never looked at. The dearest rate goes down first, for the others are
 *          not to blame; nor are they for one that is kept as somebody set it. Up again
 *          only from a quarter of the budget, since a step doubles the cost: so it
 *          can't swing to and fro. A process that starts is not judged: each stack is a new
 *          one then, the dearest there are. Forked ones that end before that are judged
 *          together (family.c). The time of the agent's own threads is no matter
 *          of rates: somebody asked for that snapshot.
 */
#include "govern.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/ticks.h"
#include "../rt/timer.h"
#include "family.h"

#include <errno.h>

#define LOOK	   5000000ULL	 /* ns of spending that make a look a whole one */
#define PAUSE	   2000000000ULL /* ns after which one looks even so, for what may go up */
#define START	   200000000ULL	 /* ns of a process's own that are not judged */
#define RAISE_CPU  100000000ULL	 /* ns the process must have run to raise anything */
#define FIRST_LOOK (8ULL << 20)	 /* ticks, before the counter's speed is known */
#define ALL	   100000ULL	 /* 100 per cent, in the budget's unit */
#define LONG_LOOKS 16

struct life {
	uint64_t due;	/* ticks spent when the next look is; 0: FIRST_LOOK */
	uint64_t pause; /* when it is on the counter, even so; 0: never */
	uint64_t cpu_ns, cost_ns[CP_COST_RATES]; /* when this window began */
	uint64_t lowered, raised;
	uint8_t step[CP_COST_RATES];
};

static struct {
	struct life *life;
	uint64_t budget;
	uint8_t most[CP_COST_RATES];
	bool child;
} st CP_WARM;

int cp_govern_init(uint64_t budget, const uint8_t most[CP_COST_RATES])
{
	st.budget = budget;
	for (unsigned i = 0; i < CP_COST_RATES; i++)
		st.most[i] = budget ? most[i] : 0;
	st.life = cp_mem_wiped(sizeof(*st.life));
	return st.life ? 0 : -ENOMEM;
}

void cp_govern_stop(void)
{
	cp_store_rlx(&st.budget, 0);
}

unsigned cp_govern_step(enum cp_cost rate)
{
	return st.life ? cp_load_rlx(&st.life->step[rate]) : 0;
}

struct cp_govern_moves cp_govern_moves(void)
{
	struct cp_govern_moves moves = cp_family_moves();

	if (st.life) {
		moves.lowered += cp_load_rlx(&st.life->lowered);
		moves.raised += cp_load_rlx(&st.life->raised);
	}
	return moves;
}

/* --- the rule ------------------------------------------------------------- */

/* Of the rates that can go down a step the dearest; of those that can go up the one that
 * was lowered most. -1: none. */
static int pick(const struct cp_govern_look *look, bool down)
{
	uint64_t best = 0;
	int found = -1;

	for (int i = 0; i < CP_COST_RATES; i++) {
		uint64_t v = down ? look->cost_ns[i] : look->step[i];

		if (v > best && (!down || look->step[i] < look->most[i])) {
			best = v;
			found = i;
		}
	}
	return found;
}

uint64_t cp_govern_spent_on(const struct cp_govern_look *look)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < CP_COST_RATES; i++)
		all += look->most[i] ? look->cost_ns[i] : 0;
	return all;
}

int cp_govern_decide(struct cp_govern_look *look)
{
	double allowed = (double)look->cpu_ns * (double)look->budget / ALL;
	double cost = (double)cp_govern_spent_on(look);
	int i;

	if (cost > allowed) {
		i = look->whole ? pick(look, true) : -1;
		look->step[CP_MAX(i, 0)] += i >= 0;
		return i >= 0;
	}
	if (cost > allowed / 4 || look->cpu_ns < RAISE_CPU)
		return 0;
	i = pick(look, false);
	look->step[CP_MAX(i, 0)] -= i >= 0;
	return -(i >= 0);
}

/* --- looking ---------------------------------------------------------------- */

static void say(const struct cp_govern_look *now, int way)
{
	uint64_t us = CP_MIN(cp_govern_spent_on(now), now->cpu_ns) / 1000;

	if (way < 0)
		cp_add_rlx(&st.life->raised, 1);
	if (way <= 0 || cp_add_rlx(&st.life->lowered, 1))
		return;
	/* Not as per cent: of a short while that says too much, and 1 of a budget of 1 nothing. */
	cp_log("sampling took %lu.%lu of %lu ms CPU time, more than CPROF_BUDGET allows: rates "
	       "are lowered, profiles say how far",
	       us / 1000, us / 100 % 10, now->cpu_ns / 1000000);
}

/* What was spent since this window began. */
static struct cp_govern_look measure(const struct life *l, uint64_t cpu_ns)
{
	struct cp_govern_look now = {.cpu_ns = CP_MAX(cpu_ns - l->cpu_ns, 1UL),
				     .budget = st.budget};

	for (unsigned i = 0; i < CP_COST_RATES; i++) {
		uint64_t cost = cp_cost_ns((enum cp_cost)i);

		now.cost_ns[i] = cost - CP_MIN(cost, l->cost_ns[i]);
		now.step[i] = cp_load_rlx(&l->step[i]);
		now.most[i] = st.most[i];
	}
	now.whole = cp_govern_spent_on(&now) >= LOOK / 2;
	return now;
}

static void look(struct life *l)
{
	int64_t cpu = cp_timer_cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	bool started = l->cpu_ns >= START;
	struct cp_govern_look now;
	int way;

	if (cpu < 0 || (uint64_t)cpu < l->cpu_ns)
		return;
	now = measure(l, (uint64_t)cpu);
	way = started ? cp_govern_decide(&now) : 0;
	if (started && !way && !now.whole)
		return; /* the window stays open */
	for (unsigned i = 0; i < CP_COST_RATES; i++) {
		cp_store_rlx(&l->step[i], now.step[i]);
		l->cost_ns[i] += now.cost_ns[i];
	}
	l->cpu_ns = (uint64_t)cpu;
	say(&now, way);
}

static bool is_due(const struct life *l, uint64_t due, uint64_t spent, uint64_t now)
{
	uint64_t pause = cp_load_rlx(&l->pause);

	return spent >= (due ? due : FIRST_LOOK) || (pause && (int64_t)(now - pause) > 0);
}

void cp_govern_spent(uint64_t spent, uint64_t now)
{
	struct life *l = st.life;
	uint64_t due, more;

	if (!l || !cp_load_rlx(&st.budget))
		return;
	due = cp_load_rlx(&l->due);
	if (CP_LIKELY(!is_due(l, due, spent, now)))
		return;
	more = cp_ticks_in(LOOK);
	if (!more)
		return;
	if (!cp_cas_acq(&l->due, &due, spent + LONG_LOOKS * more)) /* pairs with the store below */
		return;
	cp_store_rlx(&l->pause, 0UL); /* nobody else by time either */
	look(l);
	cp_store_rlx(&l->pause, now + cp_ticks_in(PAUSE));
	cp_store_rel(&l->due, spent + more); /* pairs with the CAS */
}

/* --- short lives -------------------------------------------------------------- */

/* One that begins lowered spends too little to be looked at for that, and may have to go up: so it
 * is by time. */
static void look_later(struct life *l)
{
	uint64_t floats = cp_cpu_floats_begin();

	cp_store_rlx(&l->pause, (cp_ticks_now() + cp_ticks_in(PAUSE)) | 1);
	cp_cpu_floats_end(floats);
}

void cp_govern_forks(void)
{
	if (st.life && cp_load_rlx(&st.budget))
		cp_family_share();
}

void cp_govern_forked(void)
{
	uint8_t step[CP_COST_RATES];
	bool lowered = false;

	if (!st.life || !cp_load_rlx(&st.budget))
		return;
	st.child = true;
	cp_family_steps(step);
	for (unsigned i = 0; i < CP_COST_RATES; i++) {
		/* Whoever shares that memory may have written anything to it. */
		step[i] = CP_MIN(step[i], st.most[i]);
		cp_store_rlx(&st.life->step[i], step[i]);
		lowered |= step[i];
	}
	if (lowered)
		look_later(st.life);
}

void cp_govern_ended(void)
{
	static const struct life birth;
	struct cp_govern_look all;
	uint64_t floats;
	int64_t cpu;

	if (!st.child || !cp_load_rlx(&st.budget) || st.life->cpu_ns >= START)
		return;
	cpu = cp_timer_cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (cpu <= 0)
		return;
	floats = cp_cpu_floats_begin();
	all = measure(&birth, (uint64_t)cpu);
	for (unsigned i = 0; i < CP_COST_RATES; i++)
		all.step[i] = cp_load_rlx(&st.life->step[i]);
	/* Time between samples is the next one's, or the last one's: were they rarer than such a
	 * life is long, it would hardly be where it was spent. */
	all.most[CP_COST_CPU] = 0;
	cp_family_ended(&all, LOOK / 2);
	cp_cpu_floats_end(floats);
}
