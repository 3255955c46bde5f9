/* SPDX-License-Identifier: MIT */
/*
 * threads.h - the threads there are: one slot each
 *
 * Context  HOST: cp_threads_enter, _leave      SIGNAL: cp_threads_is_own
 *          CONTROL: cp_threads_adopt and the readers
 * Shared   slots, in memory a forked child finds zeroed: no thread is there. A slot
 *          is claimed by a bit of a map, described, then published by its state.
 * Holds    A slot that a reader holds is not given to another thread meanwhile: one
 *          that leaves then is given back by the reader.
 * Fails    No slot free: counted; such a thread's CPU time is `[threads gone]`.
 */
#ifndef CP_SAMPLE_THREADS_H
#define CP_SAMPLE_THREADS_H

#include "../rt/base.h"
#include "../rt/thread.h"

#define CP_THREADS_MAX 8192U

enum {
	CP_THREAD_USED = 1,
	CP_THREAD_HELD = 2,
	CP_THREAD_GONE = 4,
	CP_THREAD_FOUND = 8, /* by a reading, not by itself: it may go without a word */
};

/* Of what is too small for a signal's frame and a handler. */
enum { CP_SMALL_STACK = 1, CP_SMALL_SIGNAL_STACK = 2 };

struct cp_wait; /* waiting.h */

struct cp_thread_slot {
	uint32_t state; /* CP_THREAD_ bits; 0 free, or not described yet */
	uint32_t tid;
	uint64_t charged;  /* CPU time that is in the counters, in ns */
	uintptr_t start;   /* its start routine; 0: not known */
	uint32_t timer;	   /* its number plus one; 0: none */
	cp_sid last;	   /* the stack of its last sample */
	uint32_t creation; /* the cell of the stack that made it, plus one */
	uint16_t label;	   /* its label set */
	uint64_t name[2];  /* what label was made from: 16 bytes, in words that don't tear */
	/* For the thread dump: two cache lines in all. */
	const struct cp_wait *waiting; /* what it says before it blocks; NULL: not known */
	uintptr_t stack_hi;	       /* where its stack ends; 0: not known */
	uintptr_t home;		       /* its thread pointer; 0: not known */
	uint32_t answered;	       /* the round its last sample is of (tick.h) */
	uint32_t step;		       /* of the rate its timer runs at */
	uint32_t small;		       /* CP_SMALL_ bits: it goes without a timer */
	uint32_t unused[9];
};

/* [EARLY] At most this many bytes. 0 or -errno. */
int cp_threads_init(size_t bytes);
/* [HOST] The calling thread's slot; NULL when there is none to be had. One that a reading
 * made for it before it came this far is replaced. */
struct cp_thread_slot *cp_threads_enter(struct cp_thread *t, uintptr_t start);
/* [CONTROL] A slot for a thread that is not the caller, held; NULL also when it has one. */
struct cp_thread_slot *cp_threads_adopt(uint32_t tid, uint64_t charged);
/* [SIGNAL] Has the calling thread another thread pointer than its own? Then nothing thread-local
 * is there, ours nor libc's. Asked of its slot, or of all. */
bool cp_threads_is_astray(const struct cp_thread_slot *s);
bool cp_threads_am_astray(void);
/* [ANY] Writes the name into the slot; true when it had another. */
bool cp_threads_rename(struct cp_thread_slot *s, const char name[16]);
/* [ANY] The slot the calling thread entered in this life, or NULL. */
struct cp_thread_slot *cp_threads_of(const struct cp_thread *t);
/* [HOST] The thread's slot is done with. */
void cp_threads_leave(struct cp_thread_slot *s);

/* [ANY] The next slot in use from number *at on, held; NULL at the end. */
struct cp_thread_slot *cp_threads_next(uint32_t *at);
/* [ANY] The number of the next slot in use from *at on, not held: another thread may have it
 * by now (cp_threads_is). CP_THREADS_MAX at the end. */
uint32_t cp_threads_look(uint32_t *at);
/* [ANY] Lets go of it; gone: its thread is no longer there. */
void cp_threads_release(struct cp_thread_slot *s, bool gone);
/* [ANY] Does a reader hold any? Another's cp_threads_next has passed it by. */
bool cp_threads_any_held(void);
/* [ANY] The slot by number, whatever its state; NULL beyond the last. */
struct cp_thread_slot *cp_threads_slot(uint32_t number);
uint32_t cp_threads_number(const struct cp_thread_slot *s);
/* [ANY] Is the slot by that number still this thread's? What was copied of its memory
 * before is its own then: a thread that leaves says so first. */
bool cp_threads_is(uint32_t number, uint32_t tid);
/* [ANY] Is it the calling thread's? */
bool cp_threads_is_own(const struct cp_thread_slot *s);

#endif
