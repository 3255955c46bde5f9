/* SPDX-License-Identifier: MIT */
/*
 * deadlock.c - threads that wait for each other, in a circle, for ever
 *
 * Context  CONTROL
 * Calls    waitsfor.c, locks.c, tasks.c, peer.c; symbols.c and the log, to tell.
 * Order    First look: each thread's words, then who has what it waits for (dump.c).
 *          Second look: who has it, of all; then the words of all, and the kernel's.
 * Holds    A circle counts only when nothing has changed. Then each of its threads has
 *          waited, in one go, from before the second look at the holders until after it; who
 *          held a lock at that look has not taken it meanwhile, since it waited;
 *          so there was a moment at which all of them waited and held at once. Nobody but
 *          they could end that: each waits without a limit of time, in the kernel, on that
 *          very lock.
 * Fails    Where the kernel tells nothing (a process that has changed its user), a thread
 *          that was jumped out of its wait is taken at its word. A program that leaves
 *          pthread_mutex_lock by siglongjmp may then be told of a deadlock it isn't in.
 * Why      A condition variable has no holder, nor has a semaphore: a wake-up that was
 *          lost is a wait like any other, told with its lock and its time. One that came
 *          is a wait for the mutex (dump.c).
 */
#include "deadlock.h"

#include "../rt/log.h"
#include "../sample/module.h"
#include "../sample/rules.h"
#include "../sample/stack.h"
#include "locks.h"
#include "symbols.h"
#include "waitsfor.h"
#include "waittext.h"

#include <pthread.h>
#include <sys/syscall.h>

enum { UADDR = 0, TIMEOUT = 3 }; /* of futex's arguments */

/* Where the word of what a thread waits for may lie, from its object on. */
static size_t size_of(uint32_t kind)
{
	switch (kind) {
	case CP_WAIT_MUTEX:
		return sizeof(pthread_mutex_t);
	case CP_WAIT_RWLOCK_RD:
	case CP_WAIT_RWLOCK_WR:
		return sizeof(pthread_rwlock_t);
	default:
		return CP_PAGE; /* of a thread's block, in which its end is announced */
	}
}

/* A mutex that lends its priority is the kernel's, which refuses what would close a circle.
 * libc then waits for ever on a word of its own, in the frame of the call. */
static bool was_refused(const struct cp_peer *p, const struct cp_dump_thread *t,
			const struct cp_task_call *c)
{
	return c->arg[UADDR] - c->sp < t->wait.sp - c->sp && cp_locks_inherits(p, t);
}

/* So far as the kernel tells. Where it doesn't, the thread's own words must do. */
static bool waits_in_kernel(const struct cp_peer *p, const struct cp_dump_thread *t)
{
	struct cp_task_call c;

	cp_tasks_call(t->tid, &c);
	if (c.is == CP_TASK_REFUSED)
		return !t->wait.timed;
	return c.is == CP_TASK_WAITS && c.nr == SYS_futex && !c.arg[TIMEOUT] &&
	       (c.arg[UADDR] - t->wait.object < size_of(t->wait.kind) || was_refused(p, t, &c));
}

static bool says_the_same(const struct cp_peer *p, const struct cp_dump_thread *t)
{
	struct cp_wait w;

	return cp_peer_read(p, &w, t->waiting, sizeof(w)) == sizeof(w) && w.seq == t->wait.seq;
}

static void link_all(const struct cp_dump *d, uint32_t *next)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct cp_dump_thread *holder = NULL;

		if (d->thread[i].holder)
			holder = cp_dump_find(d, d->thread[i].holder);
		next[i] = holder ? (uint32_t)(holder - d->thread) : CP_WAITSFOR_NOBODY;
	}
}

/* Strikes out circles that have changed; the order of the two loops matters. */
static void look_again(const struct cp_peer *p, const struct cp_dump *d, const uint32_t *circle,
		       bool *gone)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (circle[i] && cp_locks_holder(p, d, &d->thread[i]) != d->thread[i].holder)
			gone[circle[i]] = true;
	for (uint32_t i = 0; i < d->n; i++)
		if (circle[i] &&
		    (!waits_in_kernel(p, &d->thread[i]) || !says_the_same(p, &d->thread[i])))
			gone[circle[i]] = true;
}

static void number(struct cp_dump *d, const uint32_t *circle, uint32_t found, const bool *gone)
{
	for (uint32_t c = 1; c <= found; c++) {
		if (gone[c])
			continue;
		d->ndeadlocks++;
		for (uint32_t i = 0; i < d->n; i++)
			if (circle[i] == c)
				d->thread[i].deadlock = d->ndeadlocks;
	}
}

void cp_deadlock_find(const struct cp_peer *p, struct cp_arena *job, struct cp_dump *d)
{
	uint32_t *next = cp_arena_alloc(job, d->n * sizeof(*next)), found;
	uint32_t *circle = cp_arena_alloc(job, d->n * sizeof(*circle));
	bool *gone;

	d->ndeadlocks = 0;
	if (!next || !circle)
		return;
	link_all(d, next);
	found = cp_waitsfor_circles(next, d->n, circle);
	gone = found ? cp_arena_alloc(job, found + 1) : NULL;
	if (!gone)
		return;
	look_again(p, d, circle, gone);
	number(d, circle, found, gone);
}

const struct cp_dump_thread *cp_deadlock_first(const struct cp_dump *d, uint32_t number)
{
	uint32_t i = 0;

	while (d->thread[i].deadlock != number)
		i++;
	return &d->thread[i];
}

/* --- telling ---------------------------------------------------------------- */

/* Frames and their names: a stack, then the lock. */
struct named {
	cp_frame frame[CP_WALK_MAX + 1];
	const struct cp_symbol *symbol[CP_WALK_MAX + 1];
	unsigned n; /* of the stack */
	bool has_lock;
};

static bool name_all(struct cp_arena *job, const struct cp_dump_thread *t, struct named *k)
{
	const struct cp_stack *stack = t->sid > CP_SID_FULL ? cp_stack_get(t->sid) : NULL;
	unsigned module = cp_rules_module(t->wait.object);

	k->n = stack ? CP_MIN(stack->n, CP_WALK_MAX) : 0;
	for (unsigned i = 0; i < k->n; i++)
		k->frame[i] = stack->frame[i];
	k->has_lock = module != CP_MODULE_NONE;
	if (k->has_lock)
		k->frame[k->n] = cp_frame_make(module, t->wait.object);
	return !cp_symbols_resolve(job, k->frame, k->n + k->has_lock, k->symbol);
}

/* One thread: to the comments with its stack, to the log without. */
static void tell(struct cp_arena *job, const struct cp_dump *d, const struct cp_dump_thread *t,
		 struct cp_comments *c, struct cp_buf *log)
{
	struct named *k = cp_arena_alloc(job, sizeof(*k));
	char text[2048];
	struct cp_buf b = CP_BUF(text);
	const char *lock = NULL;

	if (!k || !name_all(job, t, k))
		return;
	if (k->has_lock)
		lock = k->symbol[k->n]->line[0].name;
	cp_waittext_thread(log, d, t->tid);
	cp_buf_char(log, ' ');
	cp_waittext(log, d, t, lock, NULL);
	cp_buf_fmt(&b, "deadlock=%u ", t->deadlock);
	cp_waittext_thread(&b, d, t->tid);
	cp_buf_char(&b, ' ');
	cp_waittext(&b, d, t, lock, NULL);
	for (unsigned i = 0; i < k->n; i++)
		cp_buf_fmt(&b, "%s%s", i ? " < " : ": ", k->symbol[i]->line[0].name);
	cp_comments_add(c, job, &b);
}

void cp_deadlock_remark(struct cp_arena *job, const struct cp_dump *d, struct cp_comments *c,
			bool to_log)
{
	for (uint32_t number = 1; number <= d->ndeadlocks; number++) {
		const struct cp_dump_thread *first = cp_deadlock_first(d, number), *t = first;
		char line[900];
		struct cp_buf b = CP_BUF(line);

		do {
			if (t != first)
				cp_buf_str(&b, "; ");
			tell(job, d, t, c, &b);
			t = cp_dump_find(d, t->holder);
		} while (t != first);
		if (to_log)
			cp_log("deadlock: %s", line);
	}
}
