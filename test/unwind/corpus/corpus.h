/* SPDX-License-Identifier: MIT */
/*
 * corpus.h - the small programs that are stepped through
 *
 * Context  TEST: every scene runs once, on the main thread, and answers a number
 *          that does not depend on who watches.
 */
#ifndef TEST_UNWIND_CORPUS_H
#define TEST_UNWIND_CORPUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define NOINLINE __attribute__((noinline))

/* The preloaded stepper's, or NULL; a handler begins with the trap flag clear. Not a
 * weak reference: in a program that is not position-independent that is 0 for good. */
extern void (*step_on)(void);

long scene_frames(long n);
long scene_calls(long n);
long scene_jumps(long n);
long scene_signals(long n);
long scene_contexts(long n);
long scene_vectors(long n);
long scene_assembler(long n);
long scene_exceptions(long n);

#ifdef __cplusplus
}
#endif

#endif
