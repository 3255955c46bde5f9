/* SPDX-License-Identifier: MIT */
/*
 * waittext.c - what a thread waits for, in words
 *
 * Context  CONTROL: pure
 * Calls    buf.c.
 */
#include "waittext.h"

#include <string.h>

bool cp_waittext_has_object(const struct cp_wait *w)
{
	return w->kind >= CP_WAIT_MUTEX && w->kind <= CP_WAIT_FUTEX && w->kind != CP_WAIT_JOIN;
}

void cp_waittext_name(struct cp_buf *b, const char name[16])
{
	for (unsigned i = 0; i < 15 && name[i]; i++) {
		bool plain = name[i] >= ' ' && name[i] <= '~' && !strchr("[],()", name[i]);

		cp_buf_char(b, plain ? name[i] : '?');
	}
}

void cp_waittext_thread(struct cp_buf *b, const struct cp_dump *d, uint32_t tid)
{
	const struct cp_dump_thread *t = cp_dump_find(d, tid);

	cp_buf_fmt(b, "thread %u (", tid);
	if (t)
		cp_waittext_name(b, t->name);
	else
		cp_buf_str(b, "not there");
	cp_buf_char(b, ')');
}

static void add_object(struct cp_buf *b, const char *what, uintptr_t addr, const char *name)
{
	cp_buf_fmt(b, "%s 0x%lx", what, (uint64_t)addr);
	if (name)
		cp_buf_fmt(b, " (%s)", name);
}

static void add_join(struct cp_buf *b, const struct cp_dump *d, const struct cp_dump_thread *t)
{
	cp_buf_str(b, "waits for the end of ");
	if (t->holder)
		cp_waittext_thread(b, d, t->holder);
	else
		cp_buf_fmt(b, "a thread, 0x%lx", (uint64_t)t->wait.object);
}

void cp_waittext(struct cp_buf *b, const struct cp_dump *d, const struct cp_dump_thread *t,
		 const char *object, const char *with)
{
	static const char *const what[] = {
		[CP_WAIT_MUTEX] = "waits for the mutex",
		[CP_WAIT_RWLOCK_RD] = "waits to read under the lock",
		[CP_WAIT_RWLOCK_WR] = "waits to write under the lock",
		[CP_WAIT_COND] = "waits on the condition variable",
		[CP_WAIT_SEM] = "waits for the semaphore",
		[CP_WAIT_BARRIER] = "waits at the barrier",
		[CP_WAIT_ONCE] = "waits for another thread to be through with",
		[CP_WAIT_FUTEX] = "waits on the word",
	};
	const struct cp_wait *w = &t->wait;

	if (w->kind == CP_WAIT_JOIN) {
		add_join(b, d, t);
	} else if (cp_waittext_has_object(w)) {
		add_object(b, what[w->kind], w->object, object);
		if (w->with)
			add_object(b, ", with the mutex", w->with, with);
		if (t->holder)
			cp_buf_str(b, ", held by ");
		if (t->holder)
			cp_waittext_thread(b, d, t->holder);
	} else if ((w->kind == CP_WAIT_POLL || w->kind == CP_WAIT_IO) && w->object) {
		cp_buf_fmt(b, "waits for descriptor %lu", (uint64_t)w->object - 1);
	}
}
