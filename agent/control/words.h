/* SPDX-License-Identifier: MIT */
/*
 * words.h - what a thread said of itself before it blocked, read by another
 *
 * Context  CONTROL
 * Order    seq before the copy and after it: equal and even, and the thread's slot still
 *          its own: it has stood where it said from the first look to the second.
 * Holds    A thread's own words are believed only where the kernel doesn't contradict:
 *          a wait that was left by siglongjmp stays written until the thread's next one.
 */
#ifndef CP_CONTROL_WORDS_H
#define CP_CONTROL_WORDS_H

#include "../sample/waiting.h"
#include "peer.h"
#include "tasks.h"

/* Who is asked. */
struct cp_words_of {
	uint32_t tid, slot;
	uintptr_t waiting; /* where its words are; 0: not known */
};

/* Whole and of now. False: it says nothing. */
bool cp_words_read(const struct cp_peer *p, const struct cp_words_of *t, struct cp_wait *w);
/* Where a walk of it begins. False: the frame that said so was left. */
bool cp_words_caller(const struct cp_peer *p, const struct cp_wait *w, struct cp_regs *caller);
/* Does it still say the same, and so what was read of its stack hold? */
bool cp_words_stand(const struct cp_peer *p, const struct cp_words_of *t, const struct cp_wait *w);
/* Does the kernel bear it out, or say nothing? */
bool cp_words_fit(const struct cp_wait *w, const struct cp_task_call *c);

#endif
