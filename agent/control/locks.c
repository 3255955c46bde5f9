/* SPDX-License-Identifier: MIT */
/*
 * locks.c - who has what a thread waits for
 *
 * Context  CONTROL
 * Calls    peer.c: a lock may be gone by the time it is looked at.
 * Holds    glibc writes a thread's id into a mutex, and into a lock held for writing,
 *          after it has taken it, and takes it out before it gives it back.
 * Fails    Who reads under a lock is not written anywhere: no holder.
 */
#include "locks.h"

#include "../rt/arch.h"

#include <pthread.h>

enum { INHERIT = 0x20 }; /* a bit of glibc's kind */

static uint32_t word_at(const struct cp_peer *p, uintptr_t at)
{
	uint32_t word = 0;

	return cp_peer_read(p, &word, at, sizeof(word)) == sizeof(word) ? word : 0;
}

bool cp_locks_inherits(const struct cp_peer *p, const struct cp_dump_thread *t)
{
	uintptr_t kind = t->wait.object + offsetof(pthread_mutex_t, __data.__kind);

	return t->wait.kind == CP_WAIT_MUTEX && word_at(p, kind) & INHERIT;
}

/* A pthread_t is where a thread's own block begins; its words to us lie at a distance
 * from there that is the same in every thread. */
static uint32_t thread_of(const struct cp_dump *d, uintptr_t block)
{
	uintptr_t away = (uintptr_t)&cp_waiting.said - cp_thread_pointer();

	for (uint32_t i = 0; i < d->n; i++)
		if (d->thread[i].waiting == block + away)
			return d->thread[i].tid;
	return 0;
}

uint32_t cp_locks_holder(const struct cp_peer *p, const struct cp_dump *d,
			 const struct cp_dump_thread *t)
{
	switch (t->wait.kind) {
	case CP_WAIT_MUTEX:
		return word_at(p, t->wait.object + offsetof(pthread_mutex_t, __data.__owner));
	case CP_WAIT_RWLOCK_RD:
	case CP_WAIT_RWLOCK_WR:
		return word_at(p, t->wait.object + offsetof(pthread_rwlock_t, __data.__cur_writer));
	case CP_WAIT_JOIN:
		return thread_of(d, t->wait.object);
	default:
		return 0;
	}
}
