/* SPDX-License-Identifier: MIT */
/*
 * storm.h - threads in every bad situation, interrupted thousands of times a second
 *
 * Context  TEST: a program linked with the agent's own objects.
 */
#ifndef TEST_UNWIND_STORM_H
#define TEST_UNWIND_STORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STORM_FRAMES 128
/* A sane stack ends in a function marked so. */
#define STORM_ROOT __attribute__((noinline, section("storm_root")))

struct storm_scene {
	const char *name;
	void (*run)(void); /* one turn of a victim thread; called until time is up */
	int threads;
	double complete; /* part of the walks that must reach a STORM_ROOT */
	/* Its registers are rubbish: frames above the first may be anything. */
	bool hostile;
	bool beside;	   /* handlers run on an alternate stack */
	bool small_stacks; /* each turn on a thread of its own, PTHREAD_STACK_MIN */
};

extern const struct storm_scene storm_flow[], storm_stacks[], storm_code[];

/* Makes this thread a victim, or no longer one. known: the agent has met it. */
void storm_enter(bool known);
void storm_leave(void);
/* Code without a loaded object that may be seen in a sane stack. */
void storm_allow(const void *start, const void *end);
uint32_t storm_random(void);
/* Burns a little time in calls of its own and libc's. */
long storm_work(long n);
/* A walk from a call site, as malloc's hook makes it. */
void storm_walk_here(void);
/* What the agent is told before and after a library goes. */
void storm_unload(void);

#ifdef __cplusplus
}
#endif

#endif
