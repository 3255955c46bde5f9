/* SPDX-License-Identifier: MIT */
/*
 * thread.h - what the agent knows of the thread it runs on
 *
 * Context  ANY. The record is thread-local and only its own thread touches it;
 *          a handler may interrupt that thread between any two instructions.
 * Holds    All zero is a valid record: a thread nobody has met yet. Its first
 *          allocation finds heap_left == 0 and takes the slow path, which
 *          draws the first interval.
 *          While the thread runs with sp in [stack_lo, stack_hi), every byte
 *          of [sp, stack_hi) is mapped and stays so: reads there need no probe.
 * Why      initial-exec: one instruction to reach, no __tls_get_addr, which
 *          allocates; so it must stay small (static TLS is scarce, and what we
 *          take of it is taken from every thread's stack).
 */
#ifndef CP_RT_THREAD_H
#define CP_RT_THREAD_H

#include "base.h"

struct cp_memo; /* the walker's memory of this thread's last walk (sample/) */

enum cp_thread_state {
	CP_THREAD_NEW = 0, /* not met yet */
	CP_THREAD_READY,   /* stack bounds known, memo may be had */
	CP_THREAD_LEAVING, /* its destructor has run: no memo, no new resources */
};

struct cp_thread {
	uint64_t heap_left; /* bytes until the next sample; a size >= it is sampled */
	uint64_t rng;	    /* state of the sampler's generator */
	uintptr_t stack_lo; /* its own stack, 0 when unknown */
	uintptr_t stack_hi;
	struct cp_memo *memo;
	uint32_t epoch;	   /* cp_epoch() when this record was set up */
	uint32_t tid;	   /* of the thread that set it up: a raw clone may share the record */
	uint32_t slot;	   /* its place in the registry of threads plus one; 0: none */
	uint16_t label;	   /* interned label set; 0 is none */
	uint8_t state;	   /* enum cp_thread_state */
	uint8_t walking;   /* a walk owns the memo: a nested one goes without */
	uint8_t held;	   /* the signal we block around a fork; 0: none */
	uint8_t forks;	   /* begun and not ended: a handler may fork within one */
	uint8_t heap_step; /* how far the rate was lowered when heap_left was drawn */
	uint8_t cost_turn; /* which of its doings are measured, sample/cost.h, */
	uint8_t cost_met;  /* and how many of its first ones were */
	bool small_signal_stack; /* as its host said: a fork inherits it */
	uintptr_t signal_stack;	 /* where it is; 0: there is none */
	uintptr_t fork_sp;	 /* where its outermost fork began */
	/* Of the agent's own threads. */
	uint64_t own_ns;	      /* CPU time that is in the counters */
	uint64_t own_ran, own_waited; /* where control/share.c counts from, in ns */
	int8_t own_nice, own_steps;   /* what it was, and how much less nice it is by now */
	bool own_claims;	      /* it may be made less nice */
	bool own_files;		      /* its descriptors are not the host's: control/bare.h */
	bool own_stderr_ends;	      /* the host has given up the file it kept: rt/log.c */
};

extern __thread struct cp_thread cp_self
	__attribute__((tls_model("initial-exec"), visibility("hidden"), aligned(CP_CACHE_LINE)));

/* [EARLY] Once per process image: the key whose destructor sees threads leave. 0 or -errno. */
int cp_thread_init(void);

/* [HOST] Makes this thread's record ready, after a fork too; answers it.
 * Cheap when it already is. Never allocates, never fails. */
struct cp_thread *cp_thread_ready(void);

/* [HOST] Tells the stack of a thread made by our pthread_create wrapper: size is
 * its attribute's, the block ends at the thread pointer. */
void cp_thread_set_stack(size_t size);

/* [ANY] Counts process lives: another number than a record's means that a fork
 * lies between. Never 0. */
uint32_t cp_epoch(void);
void cp_epoch_soon(void);

/* [ANY] splitmix64 of this thread's generator. */
uint64_t cp_thread_random(struct cp_thread *t);
/* The same, above 0 and up to 1. */
double cp_thread_chance(struct cp_thread *t);
/* The same, of the numbers below n. */
uint64_t cp_thread_below(struct cp_thread *t, uint64_t n);
/* How many of whatever is counted until the next sample, at least 1: an exponential of that mean,
 * rounded up. It has no memory: what is left of it may be drawn anew at any time. */
uint64_t cp_thread_until(struct cp_thread *t, double mean);
/* [HOST] Fixes the randomness (CPROF_SEED), before the first thread is met. */
void cp_thread_seed(uint64_t seed);

/* [EARLY] Called when a thread leaves, with its record: gives its resources back. At
 * most CP_THREAD_LEAVERS of them, called in the order of the asking. */
#define CP_THREAD_LEAVERS 4
typedef void cp_thread_leave_fn(struct cp_thread *t);
void cp_thread_on_leave(cp_thread_leave_fn *fn);

#endif
