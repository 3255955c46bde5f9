/* SPDX-License-Identifier: MIT */
/*
 * waiting.h - what a thread says of itself before it blocks
 *
 * Context  ANY. Only its own thread writes the record; a handler may interrupt that
 *          thread and wait itself. Others may copy it, by cp_sys_copy.
 * Order    seq is odd while the record changes. rel by the thread; who copies it
 *          compares seq before and after. A change that a handler jumped out of leaves
 *          it odd: the next one begins there.
 * Holds    kind is not 0 from wait_begin to wait_end. A wait that was left by
 *          siglongjmp stays until the thread's next one that is said.
 */
#ifndef CP_SAMPLE_WAITING_H
#define CP_SAMPLE_WAITING_H

#include "../rt/atomic.h"
#include "../rt/base.h"
#include "walk.h"

/* What a thread waits for, and what `object` and `with` then are. */
enum cp_wait_kind {
	CP_WAIT_NONE = 0,
	CP_WAIT_MUTEX,	   /* the mutex */
	CP_WAIT_RWLOCK_RD, /* the lock */
	CP_WAIT_RWLOCK_WR,
	CP_WAIT_COND, /* the condition variable; its mutex */
	CP_WAIT_SEM,
	CP_WAIT_BARRIER,
	CP_WAIT_ONCE,
	CP_WAIT_JOIN,  /* the pthread_t */
	CP_WAIT_FUTEX, /* the word */
	CP_WAIT_SLEEP, /* nothing */
	CP_WAIT_POLL,  /* poll, epoll, select: the descriptor of the set plus one, or 0 */
	CP_WAIT_IO,    /* read, recv, accept: the descriptor plus one */
	CP_WAIT_KINDS,

	CP_WAIT_TIMED = 0x100, /* or'd by who calls to a lock or join that gives up some time */
};

struct cp_wait {
	union {
		struct {
			uint32_t seq;
			uint16_t ticket; /* waiters.h; 0: not there */
			uint8_t kind;	 /* enum cp_wait_kind */
			bool timed : 1;	 /* CP_WAIT_TIMED */
			bool inner : 1;	 /* a handler's, which interrupted another wait */
		};
		uint64_t word; /* changed by one store; cp_wait_head makes all of it but seq */
	};
	uintptr_t object, with;
	uint64_t start; /* by cp_ticks_now; 0: not known */
	uintptr_t sp;	/* the caller's: below it lies the record (walk.h) a walk begins with */
	uint64_t leaf;	/* cp_wait_leaf */
};

/* And what it counts down for contend.c, whose own these are. */
struct cp_waiting {
	struct cp_wait said;
	uint64_t left;	    /* ticks of waiting till the next sample; 0: not drawn */
	uint32_t lock_left; /* waits till one is published, with that; 0: not drawn */
	uint8_t step;	    /* the rate's step (govern.h) when left was drawn, */
	uint8_t lock_step;  /* and lock_left */
};

/* It is cold when a thread comes back from a wait. */
_Static_assert(sizeof(struct cp_waiting) <= CP_CACHE_LINE, "one line");
extern __thread struct cp_waiting cp_waiting
	__attribute__((tls_model("initial-exec"), visibility("hidden"), aligned(CP_CACHE_LINE)));

#define CP_WAIT_MARK 48 /* bits of a function's address; above them is the mark */

/* What the caller called, which is the leaf of its stack, and a mark of where that returns to:
 * words that were left standing speak of a frame that has gone, and another lies there. */
CP_INLINE uint64_t cp_wait_leaf(uintptr_t fn, uintptr_t sp)
{
	return fn | (uint64_t)((const struct cp_frame_record *)sp)[-1].pc << CP_WAIT_MARK;
}

CP_INLINE uintptr_t cp_wait_fn(const struct cp_wait *w)
{
	return w->leaf & ((1UL << CP_WAIT_MARK) - 1);
}

/* Of a wait on the caller's own stack, and above the caller: what lies there now. */
CP_INLINE const struct cp_frame_record *cp_wait_record(const struct cp_wait *w)
{
	return (const struct cp_frame_record *)w->sp - 1;
}

CP_INLINE bool cp_wait_is_of(const struct cp_wait *w, const struct cp_frame_record *r)
{
	return (uint16_t)r->pc == w->leaf >> CP_WAIT_MARK;
}

/* By arithmetic: a load of the word waits for stores to its bytes, and those for a cold cache. */
CP_INLINE uint64_t cp_wait_head(enum cp_wait_kind kind, uint32_t ticket, bool timed, bool inner)
{
	return (uint64_t)ticket << 32 | (uint64_t)kind << 48 | (uint64_t)timed << 56 |
	       (uint64_t)inner << 57;
}

CP_INLINE uint64_t cp_wait_word(const struct cp_wait *w, uint32_t seq)
{
	return w->word >> 32 << 32 | seq;
}

/* [HOST] The thread waits so from now on: all but seq is taken over. kind comes before the
 * rest, so that a handler in between finds that it interrupts. */
CP_INLINE void cp_wait_say(const struct cp_wait *w)
{
	struct cp_wait *said = &cp_waiting.said;
	uint32_t seq = said->seq | 1;

	cp_store_rlx(&said->word, cp_wait_word(w, seq));
	cp_fence_rel(); /* odd before any of what follows; pairs with whoever copies it */
	said->object = w->object;
	said->with = w->with;
	said->start = w->start;
	said->sp = w->sp;
	said->leaf = w->leaf;
	cp_store_rel(&said->word, cp_wait_word(w, seq + 1)); /* pairs likewise */
}

/* [HOST] It doesn't wait any more: kind says it all. */
CP_INLINE void cp_wait_say_nothing(void)
{
	cp_store_rel(&cp_waiting.said.word, (cp_waiting.said.seq | 1U) + 1U); /* pairs as above */
}

#endif
