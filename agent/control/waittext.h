/* SPDX-License-Identifier: MIT */
/*
 * waittext.h - what a thread waits for, in words
 *
 * Context  CONTROL: pure
 */
#ifndef CP_CONTROL_WAITTEXT_H
#define CP_CONTROL_WAITTEXT_H

#include "../rt/buf.h"
#include "dump.h"

/* Does it wait for something in memory, which may have a name? */
bool cp_waittext_has_object(const struct cp_wait *w);
/* "waits for the mutex 0x12 (name), held by thread 7 (other)"; nothing when it says
 * nothing. object, with: names of these, or NULL. */
void cp_waittext(struct cp_buf *b, const struct cp_dump *d, const struct cp_dump_thread *t,
		 const char *object, const char *with);
/* "thread 7 (name)" */
void cp_waittext_thread(struct cp_buf *b, const struct cp_dump *d, uint32_t tid);
/* A thread's name may hold anything; these texts may not. */
void cp_waittext_name(struct cp_buf *b, const char name[16]);

#endif
