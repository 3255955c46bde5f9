/* SPDX-License-Identifier: MIT */
/*
 * share.c - a share of the processors, where a thousand threads want them
 *
 * Context  CONTROL
 * Calls    system calls, parse.c.
 * Shared   nothing: the thread's own record.
 * Fails    see share.h
 * Why      Among two thousand threads that compute on two processors each has a
 *          thousandth of one, and a dump, which needs some tens of milliseconds, would
 *          take half a minute: not the picture of one moment that was asked for. So
 *          its thread makes itself as much heavier as it takes to have a twelfth of a
 *          processor, and no more: who waits less than eleven times as long as it runs
 *          stays as it is, and the host's threads keep the other eleven twelfths.
 */
#include "share.h"

#include "../rt/filter.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "parse.h"

#include <sys/resource.h>

#define SHARE	 12
#define SLICE	 3000000ULL /* ns: what it had before it first waited */
#define HEAVIEST (-20)

struct usage {
	uint64_t ran, waited; /* ns; waited: for a processor */
};

static struct usage read_usage(void)
{
	struct usage u = {0, 0};
	char text[96];
	const char *end;
	long fd = cp_sys_open("/proc/thread-self/schedstat", O_RDONLY, 0);
	long n = fd < 0 ? 0 : cp_sys_read((int)fd, text, sizeof(text) - 1);

	if (fd >= 0)
		cp_sys_close((int)fd);
	text[CP_MAX(n, 0L)] = 0;
	if (cp_parse_number(text, &u.ran, &end) || *end != ' ' ||
	    cp_parse_number(end + 1, &u.waited, &end))
		return (struct usage){0, 0};
	return u;
}

/* How much less nice it has to be: each step is a quarter more weight. */
static int steps_for(struct usage u)
{
	uint64_t weight = u.waited / SHARE;
	int steps = 0;

	for (; weight > u.ran + SLICE && steps < -HEAVIEST; weight -= weight / 5)
		steps++;
	return steps;
}

static bool set_nice(int nice)
{
	return CP_SYS(SYS_setpriority, PRIO_PROCESS, 0, CP_MAX(nice, HEAVIEST)) == 0;
}

void cp_share_begin(void)
{
	struct cp_thread *t = &cp_self; /* this thread's own: job.c, http.c make it */
	struct usage u = read_usage();

	t->own_ran = u.ran;
	t->own_waited = u.waited;
	t->own_claims = true;
}

void cp_share_claim(void)
{
	struct cp_thread *t = &cp_self;
	struct usage u;
	int steps;

	if (!t->own_claims)
		return;
	u = read_usage();
	if (u.ran < t->own_ran || u.waited < t->own_waited)
		return; /* it can't be read any more */
	u.ran -= t->own_ran;
	u.waited -= t->own_waited;
	steps = steps_for(u);
	if (steps <= t->own_steps)
		return;
	if (!t->own_steps) /* the kernel answers 20 less it */
		t->own_nice = (int8_t)(20 - CP_SYS(SYS_getpriority, PRIO_PROCESS, 0));
	if (!cp_filtered() && set_nice(t->own_nice - steps))
		t->own_steps = (int8_t)steps;
	else
		t->own_claims = false;
}

void cp_share_end(void)
{
	struct cp_thread *t = &cp_self;

	if (t->own_steps && !cp_filtered())
		set_nice(t->own_nice);
	t->own_steps = 0;
	t->own_claims = false;
}
