/* SPDX-License-Identifier: MIT */
/*
 * dump.c - every thread of the process at one moment: where it is, what it waits for
 *
 * Context  CONTROL
 * Calls    tasks.c, share.c, peer.c, words.c, locks.c, deadlock.c, settle.c, sample/threads.h,
 *          sample/tick.h.
 * Shared   st.hurry (relaxed); st.busy, in memory a forked child finds zeroed: one takes a dump
 *          at a time (busy.h), for two would take away each other's timers. What a thread says
 *          of itself (waiting.h) is copied.
 * Order    of what it says: words.h.
 * Holds    Nobody is signalled for the dump but by its own CPU timer, which goes off
 *          only while the thread runs: so no call that has begun to wait is interrupted.
 * Fails    Threads that run but get no processor before the deadline, or take no signals,
 *          or that nobody told us of while CPU time is not profiled: "running, not
 *          reached".
 *          The kernel tells nothing (a process that has changed its user): what the
 *          threads say of themselves is all there is.
 */
#include "dump.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "../rt/sort.h"
#include "../rt/sys.h"
#include "../rt/ticks.h"
#include "../sample/labels.h"
#include "../sample/stack.h"
#include "../sample/threads.h"
#include "../sample/tick.h"
#include "busy.h"
#include "deadlock.h"
#include "locks.h"
#include "peer.h"
#include "settle.h"
#include "share.h"
#include "words.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define MS	 1000000LL
#define DEADLINE (200 * MS)
#define HURRIED	 (10 * MS)
#define LOOKS	 3 /* at a thread that changes while it is looked at */
#define TRIES	 5 /* to meet anybody */

static struct {
	uint32_t *busy;
	uint32_t hurry;
} st;

int cp_dump_init(void)
{
	st.busy = cp_mem_wiped(sizeof(*st.busy));
	return st.busy ? 0 : -ENOMEM;
}

struct taking {
	struct cp_dump *d;
	struct cp_arena *job;
	struct cp_peer peer;
	uint32_t cap;
	uint32_t round;
	int64_t asked; /* CLOCK_MONOTONIC */
};

void cp_dump_hurry(void)
{
	cp_store_rlx(&st.hurry, 1);
}

/* --- who is there ----------------------------------------------------------- */

static struct cp_dump_thread *add(struct taking *k, uint32_t tid)
{
	struct cp_dump_thread *t = &k->d->thread[k->d->n];

	if (k->d->n == k->cap)
		return NULL;
	k->d->n++;
	*t = (struct cp_dump_thread){.tid = tid}; /* doubles may have been here */
	return t;
}

static void copy_name(char *name, const struct cp_thread_slot *s)
{
	uint64_t word[] = {cp_load_rlx(&s->name[0]), cp_load_rlx(&s->name[1])};

	memcpy(name, word, sizeof(word));
}

static void list_slots(struct taking *k)
{
	struct cp_thread_slot *s;
	struct cp_dump_thread *t;
	uint32_t at = 0;

	while ((s = cp_threads_next(&at))) {
		t = add(k, s->tid);
		if (t) {
			t->slot = cp_threads_number(s) + 1;
			t->waiting = (uintptr_t)cp_load_rlx(&s->waiting);
			t->stack_hi = cp_load_rlx(&s->stack_hi);
			t->start = s->start;
			t->creation = cp_load_rlx(&s->creation);
			if (!(cp_load_rlx(&s->state) & CP_THREAD_FOUND))
				copy_name(t->name, s);
		}
		cp_threads_release(s, false);
	}
}

static int compare(const void *a, const void *b)
{
	const struct cp_dump_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

static struct cp_dump_thread *find(struct cp_dump_thread *t, uint32_t n, uint32_t tid)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t[mid].tid < tid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && t[lo].tid == tid ? &t[lo] : NULL;
}

const struct cp_dump_thread *cp_dump_find(const struct cp_dump *d, uint32_t tid)
{
	return find(d->thread, d->n, tid);
}

static void count_one(void *ctx, uint32_t tid)
{
	char name[16] = {0};

	cp_tasks_name(tid, name);
	*(uint32_t *)ctx += !cp_tasks_is_own(tid, name);
}

/* Those the kernel lists and nobody told us of. */
struct meeting {
	struct taking *k;
	uint32_t known; /* of the list, sorted */
};

static void meet(void *ctx, uint32_t tid)
{
	struct meeting *m = ctx;

	if (!find(m->k->d->thread, m->known, tid) && !add(m->k, tid))
		count_one(&m->k->d->more, tid);
}

static void sort(struct cp_dump *d)
{
	cp_sort(d->thread, d->n, sizeof(*d->thread), compare);
}

/* A thread may have two slots for a moment: one it was given, and its own. */
static void drop_doubles(struct cp_dump *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		if (n && d->thread[n - 1].tid == d->thread[i].tid) {
			if (!d->thread[n - 1].waiting)
				d->thread[n - 1] = d->thread[i];
			continue;
		}
		d->thread[n++] = d->thread[i];
	}
	d->n = n;
}

static void list_threads(struct taking *k)
{
	struct meeting m = {.k = k};

	list_slots(k);
	sort(k->d);
	drop_doubles(k->d);
	m.known = k->d->n;
	cp_tasks_each(meet, &m);
	sort(k->d);
}

uint32_t cp_dump_count(void)
{
	uint32_t n = 0;

	cp_tasks_each(count_one, &n);
	return n;
}

/* --- those that wait --------------------------------------------------------- */

/* On a condition that has come it waits for the mutex, like anybody; since when, nobody
 * tells. */
static void tell_relock(struct cp_wait *w, const struct cp_task_call *c)
{
	if (w->kind != CP_WAIT_COND || c->is != CP_TASK_WAITS ||
	    c->arg[0] - w->with >= sizeof(pthread_mutex_t))
		return;
	w->kind = CP_WAIT_MUTEX;
	w->object = w->with;
	w->with = 0;
	w->start = 0;
	w->timed = false;
}

static bool take_words(struct taking *k, struct cp_dump_thread *t, const struct cp_task_call *c)
{
	const struct cp_words_of of = {t->tid, t->slot - 1, t->waiting};
	struct cp_peer_place at = {.stack_hi = t->stack_hi};
	struct cp_wait w;

	if (!cp_words_read(&k->peer, &of, &w) || !cp_words_fit(&w, c) ||
	    !cp_words_caller(&k->peer, &w, &at.regs))
		return false;
	at.leaf = cp_wait_fn(&w);
	t->sid = cp_peer_walk(&k->peer, &at);
	if (!cp_words_stand(&k->peer, &of, &w))
		return false;
	tell_relock(&w, c);
	t->wait = w;
	t->state = (uint16_t)(CP_STATE_WAITS + w.kind);
	return true;
}

/* What the kernel says of a thread that says nothing. Its frame pointer isn't known:
 * where a frame needs it, before one that has saved it, the walk ends. */
static bool take_call(struct taking *k, struct cp_dump_thread *t, const struct cp_task_call *c)
{
	struct cp_peer_place at = {
		.regs = {c->pc, c->sp, 0}, .stack_hi = t->stack_hi, .exact = true};
	struct cp_task_call again;

	t->sid = cp_peer_walk(&k->peer, &at);
	cp_tasks_call(t->tid, &again);
	if (!cp_tasks_same_call(c, &again))
		return false;
	t->state = cp_state_of_call(c->nr);
	t->wait = (struct cp_wait){0};
	t->wait.kind = cp_state_wait(t->state);
	if (t->wait.kind == CP_WAIT_FUTEX)
		t->wait.object = c->arg[0];
	else if (t->wait.kind == CP_WAIT_IO)
		t->wait.object = c->arg[0] + 1;
	return true;
}

static void settle(struct cp_dump_thread *t, uint16_t state)
{
	t->state = state;
	t->settled = true;
}

static void look(struct taking *k, struct cp_dump_thread *t)
{
	struct cp_task_call c;

	for (unsigned i = 0; i < LOOKS && !t->settled; i++) {
		cp_tasks_call(t->tid, &c);
		t->state = c.is == CP_TASK_REFUSED ? CP_STATE_UNKNOWN : CP_STATE_NOT_REACHED;
		if (c.is == CP_TASK_GONE)
			settle(t, CP_STATE_NONE);
		else if (c.is == CP_TASK_RUNS)
			return;
		else if (take_words(k, t, &c) || (c.is == CP_TASK_WAITS && take_call(k, t, &c)))
			t->settled = true;
		else if (c.is == CP_TASK_REFUSED)
			return;
	}
}

static void look_at_all(struct taking *k)
{
	for (uint32_t i = 0; i < k->d->n; i++) {
		if (i % CP_SHARE_FEW == 0)
			cp_share_claim();
		look(k, &k->d->thread[i]);
	}
}

/* --- those that run ----------------------------------------------------------- */

static void with_slot(const struct cp_dump_thread *t, void (*fn)(struct cp_thread_slot *s))
{
	struct cp_thread_slot *s;
	uint32_t at = t->slot - 1;

	if (!t->slot)
		return;
	s = cp_threads_next(&at);
	if (!s)
		return;
	if (cp_load_rlx(&s->tid) == t->tid)
		fn(s);
	cp_threads_release(s, false);
}

static bool has_answered(struct taking *k, struct cp_dump_thread *t)
{
	const struct cp_thread_slot *s = t->slot ? cp_threads_slot(t->slot - 1) : NULL;

	if (!s || !cp_tick_answered(s, k->round, &t->sid) || !cp_threads_is(t->slot - 1, t->tid))
		return false;
	settle(t, CP_STATE_RUNNING);
	return true;
}

/* A process that has begun to end meanwhile is not kept waiting. */
static bool is_late(const struct taking *k)
{
	int64_t most = cp_load_rlx(&st.hurry) ? HURRIED : DEADLINE;

	return cp_now_ns(CLOCK_MONOTONIC) >= k->asked + most;
}

static uint32_t ask_round(struct taking *k)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < k->d->n && !is_late(k); i++) {
		struct cp_dump_thread *t = &k->d->thread[i];

		if (t->settled || has_answered(k, t))
			continue;
		look(k, t);
		left += !t->settled;
	}
	return left;
}

static void wait_for_answers(struct taking *k)
{
	int64_t nap = MS;

	cp_share_claim();
	for (uint32_t i = 0; i < k->d->n; i++) {
		struct cp_dump_thread *t = &k->d->thread[i];

		t->asked = !t->settled;
		if (t->asked)
			with_slot(t, cp_tick_ask);
	}
	k->asked = cp_now_ns(CLOCK_MONOTONIC);
	for (; ask_round(k) && !is_late(k); nap += nap / 4)
		cp_sys_nap(nap);
	cp_share_claim();
}

/* Whoever is left now is left, in the state that was seen last. */
static void give_up(struct taking *k)
{
	for (uint32_t i = 0; i < k->d->n; i++) {
		struct cp_dump_thread *t = &k->d->thread[i];

		if (t->settled || has_answered(k, t))
			continue;
		t->sid = CP_SID_NONE;
		t->wait = (struct cp_wait){0};
	}
	for (uint32_t i = 0; i < k->d->n; i++)
		if (k->d->thread[i].asked)
			with_slot(&k->d->thread[i], cp_tick_asked);
}

/* --- all of it ----------------------------------------------------------------- */

/* Takes out the agent's own. */
static void drop_own(struct cp_dump *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		struct cp_dump_thread *t = &d->thread[i];

		if (!t->name[0])
			cp_tasks_name(t->tid, t->name);
		if (cp_tasks_is_own(t->tid, t->name))
			continue;
		d->thread[n++] = *t;
	}
	d->n = n;
}

static bool runs(const struct cp_dump_thread *t)
{
	return t->state == CP_STATE_RUNNING || t->state == CP_STATE_NOT_REACHED;
}

/* Takes out those that are gone. Who runs has told its name at its last tick; what one that
 * waits told may be old. */
static void sift_and_name(struct cp_dump *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		struct cp_dump_thread *t = &d->thread[i];

		if (!t->state)
			continue;
		if (!runs(t))
			cp_tasks_name(t->tid, t->name);
		t->label = cp_label_of_thread(t->name);
		d->thread[n++] = *t;
	}
	d->n = n;
}

static void take(struct taking *k)
{
	struct cp_dump *d = k->d;

	cp_settle_all(); /* threads made behind our back get a slot, and a timer */
	cp_share_claim();
	d->now = cp_ticks_now();
	k->round = cp_tick_round();
	d->n = d->more = 0;
	list_threads(k);
	drop_own(d);
	look_at_all(k);
	wait_for_answers(k);
	give_up(k);
	sift_and_name(d);
}

/* A main thread may make another and leave: all that were listed have gone then. But somebody
 * is always there. */
int cp_dump_take(struct cp_arena *job, struct cp_dump *d)
{
	struct taking k = {.d = d, .job = job, .cap = CP_THREADS_MAX};
	int err;

	*d = (struct cp_dump){0};
	d->thread = cp_arena_alloc(job, k.cap * sizeof(*d->thread));
	err = d->thread ? cp_peer_open(&k.peer, job) : -ENOMEM;
	if (err)
		return err;
	cp_busy_enter(st.busy);
	cp_share_begin();
	for (unsigned i = 0; i < TRIES && !d->n && !d->more; i++)
		take(&k);
	for (uint32_t i = 0; i < d->n; i++)
		d->thread[i].holder = cp_locks_holder(&k.peer, d, &d->thread[i]);
	cp_busy_leave(st.busy);
	cp_deadlock_find(&k.peer, job, d);
	cp_peer_close(&k.peer);
	return 0;
}
