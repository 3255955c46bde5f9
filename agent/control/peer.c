/* SPDX-License-Identifier: MIT */
/*
 * peer.c - reads what other threads of this process have in their memory
 *
 * Context  CONTROL
 * Calls    system calls; the walker and the stack table.
 * Holds    A copied stack is walked where the copy lies: every word in it that points
 *          into the part that was copied is moved along, and so are the registers. The
 *          walker then needs to know nothing of copies.
 * Fails    A stack that needs more than is copied loses its outer frames.
 * Why      pread of /proc/thread-self/mem rather than process_vm_readv, for which many sandboxes
 *          kill; that one only where the first can't be opened (a process that has
 *          changed its user) and no filter is on.
 *          Stacks are mostly shallow: a first piece, and all of it only when the walk
 *          did not come to its end.
 */
#include "peer.h"

#include "../rt/filter.h"
#include "../rt/sys.h"
#include "../sample/rules.h"
#include "../sample/stack.h"

#include <errno.h>
#include <string.h>

#define FIRST	(32UL << 10) /* of a stack whose end is not known */
#define ROOM	(1UL << 20)
#define HI_SANE (1UL << 30) /* an end further away than this is another stack's */

int cp_peer_open(struct cp_peer *p, struct cp_arena *job)
{
	p->room = cp_arena_alloc(job, ROOM);
	if (!p->room)
		return -ENOMEM;
	p->fd = (int)cp_sys_open("/proc/thread-self/mem", O_RDONLY, 0);
	p->may_call = p->fd < 0 && !cp_filtered();
	return 0;
}

void cp_peer_close(struct cp_peer *p)
{
	if (p->fd >= 0)
		cp_sys_close(p->fd);
	p->fd = -1;
}

size_t cp_peer_read(const struct cp_peer *p, void *to, uintptr_t from, size_t n)
{
	long r = 0;

	if (p->fd >= 0)
		r = cp_sys_pread(p->fd, to, n, from);
	else if (p->may_call)
		r = cp_sys_copy(to, from, n);
	return (size_t)CP_MAX(r, 0);
}

/* --- stacks ----------------------------------------------------------------- */

struct copy {
	uintptr_t from, to; /* where the stack is, and its copy */
	size_t n;
};

static uintptr_t moved(const struct copy *c, uintptr_t v)
{
	return v - c->from < c->n ? v - c->from + c->to : v;
}

static void move_all(const struct copy *c)
{
	uintptr_t *word = (void *)c->to;

	for (size_t i = 0; i < c->n / sizeof(*word); i++)
		word[i] = moved(c, word[i]);
}

/* What the walker takes for the thread's record: the bounds of the copy. */
static unsigned walk(const struct copy *c, const struct cp_peer_place *at, cp_frame *out,
		     unsigned max, bool *cut, bool *whole)
{
	struct cp_thread t = {.stack_lo = c->to, .stack_hi = c->to + c->n};
	struct cp_regs r = {at->regs.pc, moved(c, at->regs.sp), moved(c, at->regs.fp)};

	return cp_walk_copy(&t, &r, at->exact, out, max, cut, whole);
}

static size_t size_of(const struct cp_peer_place *at)
{
	size_t left = at->stack_hi - at->regs.sp;

	return at->stack_hi > at->regs.sp && left < HI_SANE ? CP_MIN(left, ROOM) : 0;
}

cp_sid cp_peer_walk(const struct cp_peer *p, const struct cp_peer_place *at)
{
	size_t known = size_of(at), want = known ? known : FIRST;
	struct copy c = {.from = at->regs.sp, .to = (uintptr_t)p->room};
	cp_frame frame[CP_WALK_MAX + 1];
	unsigned leaf = at->leaf != 0, n;
	bool cut, whole;

	if (at->leaf)
		frame[0] = cp_rules_frame(at->leaf);
	if (at->regs.sp % 8)
		return CP_SID_NONE;
	for (;; want = ROOM) {
		c.n = cp_peer_read(p, p->room, c.from, want) & ~7UL;
		move_all(&c);
		n = walk(&c, at, frame + leaf, CP_WALK_MAX - leaf, &cut, &whole);
		if (whole || want == ROOM || c.n < want || known)
			break;
	}
	return cp_stack_intern(frame, n + leaf, cut);
}
