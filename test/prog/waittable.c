/* SPDX-License-Identifier: MIT */
/*
 * waittable.c - every call that waits for another thread but mutexes', in every state: what
 *               it answers
 *
 * Prints a line for each. Its output is compared with and without the agent.
 *
 * Context  TEST
 */
#include "waittable.h"

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

/* --- read-write locks ------------------------------------------------------------ */

static const char *const rw_states[] = {"free", "read", "written", "other reads", "other writes"};
enum { FREE, MY_READ, MY_WRITE, OTHER_READ, OTHER_WRITE };
static const char *const rw_calls[] = {"rdlock",  "tryrdlock",	 "timedrd", "timedrd bad",
				       "clockrd", "clockrd bad", "wrlock",  "trywrlock",
				       "timedwr", "timedwr bad", "clockwr", "clockwr bad",
				       "unlock"};
enum {
	RD,
	TRYRD,
	TIMEDRD,
	TIMEDRD_BAD,
	CLOCKRD,
	CLOCKRD_BAD,
	WR,
	TRYWR,
	TIMEDWR,
	TIMEDWR_BAD,
	CLOCKWR,
	CLOCKWR_BAD,
	UNLOCK,
	RW_CALLS
};

static struct page {
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
} * page;

static void *other_reads(void *arg)
{
	if (arg)
		pthread_rwlock_wrlock(&page->rwlock);
	else
		pthread_rwlock_rdlock(&page->rwlock);
	pthread_barrier_wait(&page->barrier);
	pthread_barrier_wait(&page->barrier);
	pthread_rwlock_unlock(&page->rwlock);
	return NULL;
}

static int rw_call(unsigned call)
{
	pthread_rwlock_t *l = &page->rwlock;
	struct timespec real = in_ms(CLOCK_REALTIME, 2), mono = in_ms(CLOCK_MONOTONIC, 2);
	struct timespec bad = {real.tv_sec, 1000000000};

	switch (call) {
	case RD:
		return pthread_rwlock_rdlock(l);
	case TRYRD:
		return pthread_rwlock_tryrdlock(l);
	case TIMEDRD:
		return pthread_rwlock_timedrdlock(l, &real);
	case TIMEDRD_BAD:
		return pthread_rwlock_timedrdlock(l, &bad);
	case CLOCKRD:
		return pthread_rwlock_clockrdlock(l, CLOCK_MONOTONIC, &mono);
	case CLOCKRD_BAD:
		return pthread_rwlock_clockrdlock(l, CLOCK_PROCESS_CPUTIME_ID, &mono);
	case WR:
		return pthread_rwlock_wrlock(l);
	case TRYWR:
		return pthread_rwlock_trywrlock(l);
	case TIMEDWR:
		return pthread_rwlock_timedwrlock(l, &real);
	case TIMEDWR_BAD:
		return pthread_rwlock_timedwrlock(l, &bad);
	case CLOCKWR:
		return pthread_rwlock_clockwrlock(l, CLOCK_MONOTONIC, &mono);
	case CLOCKWR_BAD:
		return pthread_rwlock_clockwrlock(l, CLOCK_PROCESS_CPUTIME_ID, &mono);
	default:
		return pthread_rwlock_unlock(l);
	}
}

/* Only what comes to an end and is defined. */
static int rw_ends(unsigned state, unsigned call)
{
	if (call == UNLOCK)
		return state == MY_READ || state == MY_WRITE;
	if (call == RD)
		return state != OTHER_WRITE;
	if (call == WR)
		return state == FREE || state == MY_WRITE;
	return 1;
}

static void rw_one(int kind, int shared, unsigned state, unsigned call)
{
	pthread_rwlockattr_t a;
	pthread_t other;
	int err, held, saved;

	if (!rw_ends(state, call))
		return;
	pthread_rwlockattr_init(&a);
	pthread_rwlockattr_setkind_np(&a, kind);
	pthread_rwlockattr_setpshared(&a, shared);
	pthread_rwlock_init(&page->rwlock, &a);
	if (state == MY_READ || state == MY_WRITE)
		rw_call(state == MY_READ ? RD : WR);
	if (state >= OTHER_READ) {
		pthread_create(&other, NULL, other_reads, state == OTHER_WRITE ? page : NULL);
		pthread_barrier_wait(&page->barrier);
	}
	errno = 4711;
	err = rw_call(call);
	saved = errno;
	printf("rwlock %d %d, %s: %s %d errno %d", kind, shared, rw_states[state], rw_calls[call],
	       err, saved);
	held = (state == MY_READ || state == MY_WRITE) + (call == UNLOCK ? -1 : !err);
	for (; held > 0; held--)
		printf(" unlock %d", pthread_rwlock_unlock(&page->rwlock));
	if (state >= OTHER_READ) {
		pthread_barrier_wait(&page->barrier);
		pthread_join(other, NULL);
	}
	printf(" wrlock %d", pthread_rwlock_trywrlock(&page->rwlock));
	pthread_rwlock_unlock(&page->rwlock);
	printf(" destroy %d\n", pthread_rwlock_destroy(&page->rwlock));
}

static void rwlocks(void)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrier_init(&page->barrier, NULL, 2);
	for (int kind = 0; kind < 3; kind++)
		for (int shared = 0; shared < 2; shared++)
			for (unsigned s = 0; s <= OTHER_WRITE; s++)
				for (unsigned c = 0; c < RW_CALLS; c++)
					rw_one(kind, shared, s, c);
}

/* --- condition variables, under both versions -------------------------------------- */

#if defined(__x86_64__)
int old_wait(pthread_cond_t *c, pthread_mutex_t *m);
int old_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int old_signal(pthread_cond_t *c);
__asm__(".symver old_wait, pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver old_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
__asm__(".symver old_signal, pthread_cond_signal@GLIBC_2.2.5");
#else
#define old_wait      pthread_cond_wait
#define old_timedwait pthread_cond_timedwait
#define old_signal    pthread_cond_signal
#endif

static pthread_mutex_t mutex;
static pthread_cond_t cond;

static void *signals_once(void *old)
{
	pthread_mutex_lock(&mutex); /* had when the other waits */
	if (old)
		old_signal(&cond);
	else
		pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static int cond_call(int call)
{
	struct timespec past = in_ms(CLOCK_REALTIME, -1), soon = in_ms(CLOCK_REALTIME, 2);
	struct timespec later = in_ms(CLOCK_REALTIME, 60000), mono = in_ms(CLOCK_MONOTONIC, 2);
	struct timespec mono_later = in_ms(CLOCK_MONOTONIC, 60000);
	struct timespec bad = {later.tv_sec, -1};

	switch (call) {
	case 0:
		return pthread_cond_timedwait(&cond, &mutex, &past);
	case 1:
		return pthread_cond_timedwait(&cond, &mutex, &soon);
	case 2:
		return pthread_cond_timedwait(&cond, &mutex, &bad);
	case 3:
		return pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &mono);
	case 4:
		return pthread_cond_clockwait(&cond, &mutex, CLOCK_THREAD_CPUTIME_ID, &mono);
	case 5:
		return old_timedwait(&cond, &mutex, &past);
	case 6:
		return old_timedwait(&cond, &mutex, &soon);
	case 7:
		return old_timedwait(&cond, &mutex, &bad);
	case 8:
		return pthread_cond_wait(&cond, &mutex);
	case 9:
		return pthread_cond_timedwait(&cond, &mutex, &later);
	case 10:
		return pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &mono_later);
	case 11:
		return old_wait(&cond, &mutex);
	default:
		return old_timedwait(&cond, &mutex, &later);
	}
}
enum { FIRST_SIGNALLED = 8, FIRST_OLD_SIGNALLED = 11, COND_CALLS = 13 };

/* type 3 is adaptive; the second digit: robust, priority-inheriting, not held at all. */
static void cond_one(int type, int way, int call)
{
	pthread_mutexattr_t a;
	pthread_t t;
	int err, saved, signalled = call >= FIRST_SIGNALLED;

	if (way == 3 && (type != PTHREAD_MUTEX_ERRORCHECK || signalled))
		return;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setrobust(&a, way == 1);
	pthread_mutexattr_setprotocol(&a, way == 2 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
	pthread_mutex_init(&mutex, &a);
	memset(&cond, 0, sizeof(cond));
	if (way != 3)
		pthread_mutex_lock(&mutex);
	if (signalled)
		pthread_create(&t, NULL, signals_once, call >= FIRST_OLD_SIGNALLED ? &t : NULL);
	errno = 4711;
	err = cond_call(call);
	saved = errno;
	if (signalled)
		pthread_join(t, NULL);
	printf("cond, mutex %d %d: call %d: %d errno %d unlock %d\n", type, way, call, err, saved,
	       pthread_mutex_unlock(&mutex));
	pthread_mutex_destroy(&mutex);
}

static void conds(void)
{
	for (int type = 0; type < 4; type++)
		for (int way = 0; way < 4; way++)
			for (int call = 0; call < COND_CALLS; call++)
				cond_one(type, way, call);
}

/* --- semaphores, barriers, threads, once -------------------------------------------- */

static void semaphores(void)
{
	struct timespec real = in_ms(CLOCK_REALTIME, 2), bad = {real.tv_sec + 60, 1000000000};
	struct timespec mono = in_ms(CLOCK_MONOTONIC, 2), past = {1, 0};
	sem_t s;
	int value;

	for (int shared = 0; shared < 2; shared++) {
		sem_init(&s, shared, 6);
		SHOW(sem_wait(&s));
		SHOW(sem_timedwait(&s, &bad));
		SHOW(sem_clockwait(&s, CLOCK_MONOTONIC, &mono));
		SHOW(sem_timedwait(&s, &past));
		SHOW(sem_wait(&s));
		SHOW(sem_wait(&s));
		SHOW(sem_timedwait(&s, &past));
		SHOW(sem_timedwait(&s, &real));
		SHOW(sem_timedwait(&s, &bad));
		SHOW(sem_clockwait(&s, CLOCK_MONOTONIC, &mono));
		SHOW(sem_clockwait(&s, CLOCK_PROCESS_CPUTIME_ID, &mono));
		interrupt(0, 3000);
		SHOW_WITH("sem_wait interrupted", sem_wait(&s), (sem_getvalue(&s, &value), value));
		interrupt(0, 0);
		sem_destroy(&s);
	}
}

static void *returns(void *arg)
{
	return arg;
}

static void *returns_late(void *arg)
{
	usleep(20000);
	return arg;
}

static int returns_c11(void *arg)
{
	usleep(2000);
	return (int)(intptr_t)arg;
}

static void threads(void)
{
	struct timespec real = in_ms(CLOCK_REALTIME, 2), bad = {real.tv_sec, 1000000000};
	struct timespec mono = in_ms(CLOCK_MONOTONIC, 5000);
	pthread_barrier_t b;
	pthread_t t;
	thrd_t c;
	void *out = NULL;
	int result = 0;

	pthread_barrier_init(&b, NULL, 1);
	SHOW(pthread_barrier_wait(&b));
	SHOW(pthread_barrier_destroy(&b));
	pthread_create(&t, NULL, returns, (void *)42);
	SHOW_WITH("join", pthread_join(t, &out), (long)out);
	pthread_create(&t, NULL, returns_late, (void *)43);
	SHOW(pthread_timedjoin_np(t, &out, &real));
	SHOW(pthread_timedjoin_np(t, &out, &bad));
	SHOW(pthread_clockjoin_np(t, &out, CLOCK_PROCESS_CPUTIME_ID, &mono));
	SHOW_WITH("clockjoin", pthread_clockjoin_np(t, &out, CLOCK_MONOTONIC, &mono), (long)out);
	SHOW(pthread_join(pthread_self(), NULL));
	pthread_create(&t, NULL, returns_late, NULL);
	pthread_detach(t);
	SHOW(pthread_join(t, NULL));
	thrd_create(&c, returns_c11, (void *)44);
	SHOW_WITH("thrd_join", thrd_join(c, &result), result);
}

static int runs;

static void run(void)
{
	runs++;
}

static void run_and_leave(void)
{
	if (++runs == 1)
		pthread_exit(NULL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *runs_and_leaves(void *arg)
{
	pthread_once(&once, run_and_leave);
	return arg;
}

static void nested(void)
{
	static pthread_once_t inner = PTHREAD_ONCE_INIT;

	pthread_once(&inner, run);
	runs += 10;
}

static void onces(void)
{
	static once_flag flag = ONCE_FLAG_INIT;
	pthread_once_t outer = PTHREAD_ONCE_INIT;
	pthread_t t;

	SHOW_WITH("call_once", (call_once(&flag, run), 0), runs);
	SHOW_WITH("call_once again", (call_once(&flag, run), 0), runs);
	runs = 0;
	pthread_create(&t, NULL, runs_and_leaves, NULL);
	pthread_join(t, NULL);
	SHOW_WITH("once, left by a thread that ended in it", pthread_once(&once, run_and_leave),
		  runs);
	SHOW_WITH("once again", pthread_once(&once, run_and_leave), runs);
	runs = 0;
	SHOW_WITH("once within once", pthread_once(&outer, nested), runs);
}

static mtx_t mtx;

static int holds(void *barrier)
{
	mtx_lock(&mtx);
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	mtx_unlock(&mtx);
	return 0;
}

static void c11(void)
{
	struct timespec real = in_ms(CLOCK_REALTIME, 2), bad = {real.tv_sec + 60, -1}, left;
	struct timespec ms = {0, 1000000};
	pthread_barrier_t b;
	cnd_t c;
	thrd_t t;

	pthread_barrier_init(&b, NULL, 2);
	for (int type = 0; type < 4; type++) {
		mtx_init(&mtx, (type & 1 ? mtx_timed : mtx_plain) | (type & 2 ? mtx_recursive : 0));
		SHOW(mtx_lock(&mtx));
		SHOW(mtx_trylock(&mtx));
		SHOW(mtx_timedlock(&mtx, &real));
		cnd_init(&c);
		SHOW(cnd_timedwait(&c, &mtx, &real));
		SHOW(cnd_timedwait(&c, &mtx, &bad));
		for (int i = 0; i < 1 + (type & 2); i++)
			SHOW(mtx_unlock(&mtx));
		thrd_create(&t, holds, &b);
		pthread_barrier_wait(&b);
		SHOW(mtx_trylock(&mtx));
		SHOW(mtx_timedlock(&mtx, &real));
		SHOW(mtx_timedlock(&mtx, &bad));
		pthread_barrier_wait(&b);
		SHOW(mtx_lock(&mtx));
		SHOW(mtx_unlock(&mtx));
		thrd_join(t, NULL);
		mtx_destroy(&mtx);
	}
	SHOW(thrd_sleep(&ms, &left));
	SHOW(thrd_sleep(&bad, &left));
}

/* --- syscall ----------------------------------------------------------------------- */

static uint32_t word, word2;

static void *wakes(void *arg)
{
	while (syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
		usleep(1000);
	return arg;
}

static void *awaits(void *arg)
{
	syscall(SYS_futex, &word, FUTEX_WAIT, 5, NULL, NULL, 0);
	return arg;
}

static void syscalls(void)
{
	struct timespec ms = {0, 1000000}, bad = {0, -1};
	pthread_t t;
	long map;

	word = 5;
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 6, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &ms, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &bad, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &ms, NULL, 1));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, NOWHERE, FUTEX_WAIT, 5, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 5, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, 77, 5, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, -1, 5, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &word2, 5));
	SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &word2, 6));
	SHOW_WITH("wake op",
		  syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1, &word2,
			  FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 0)),
		  word2);
	SHOW(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	word = 0;
	SHOW_WITH("lock pi", syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0),
		  word == (uint32_t)gettid());
	SHOW(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	SHOW_WITH("unlock pi", syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), word);
	word = 5;
	pthread_create(&t, NULL, wakes, NULL);
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, NULL, NULL, 0));
	pthread_join(t, NULL);
	pthread_create(&t, NULL, awaits, NULL);
	wakes(NULL);
	pthread_join(t, NULL);
	interrupt(0, 3000);
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, NULL, NULL, 0));
	interrupt(0, 0);
	/* Six arguments, and what isn't a futex at all. */
	map = syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SHOW(map == -1);
	SHOW(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1));
	SHOW(syscall(9999));
	SHOW(syscall(-1L));
	SHOW(syscall((1L << 32) + SYS_futex, &word, FUTEX_WAKE, 1) == 0);
	SHOW(syscall(SYS_getpid) == getpid());
	SHOW(syscall(SYS_close, -1));
}

int main(void)
{
	rwlocks();
	conds();
	semaphores();
	threads();
	onces();
	c11();
	syscalls();
	return 0;
}
