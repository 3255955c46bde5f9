/* SPDX-License-Identifier: MIT */
/*
 * waits.c - waits for locks and conditions, and says how often and how long
 *
 * usage: waits SCHEDULE ROUNDS
 *
 * Prints a line for each function that waits or makes wait: its name, the profile it
 * belongs to (block or mutex), contentions and nanoseconds, by its own clock. As locks.c
 * does it: from before the call to after it, and to the last unlock of another.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include "waits.h"

#include <threads.h>

/* --- read-write locks --------------------------------------------------------- */

static pthread_rwlock_t rwlock;
static struct tally reads = {"take_to_read", "block", 0, 0};
static struct tally writes = {"take_to_write", "block", 0, 0};
static struct tally lets_go = {"let_go", "mutex", 0, 0};

NOINLINE void take_to_read(int way)
{
	struct timespec real = at(CLOCK_REALTIME, 999 * MS), mono = at(CLOCK_MONOTONIC, 999 * MS);
	uint64_t from = now();

	if (pthread_rwlock_tryrdlock(&rwlock) == 0)
		return;
	must(way == 0	? pthread_rwlock_rdlock(&rwlock)
	     : way == 1 ? pthread_rwlock_timedrdlock(&rwlock, &real)
			: pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &mono));
	count(&reads, from, now());
	count(&lets_go, from, __atomic_load_n(&last_unlock, __ATOMIC_RELAXED));
}

NOINLINE void take_to_write(int way)
{
	struct timespec real = at(CLOCK_REALTIME, 999 * MS), mono = at(CLOCK_MONOTONIC, 999 * MS);
	uint64_t from = now();

	if (pthread_rwlock_trywrlock(&rwlock) == 0)
		return;
	must(way == 0	? pthread_rwlock_wrlock(&rwlock)
	     : way == 1 ? pthread_rwlock_timedwrlock(&rwlock, &real)
			: pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &mono));
	count(&writes, from, now());
	count(&lets_go, from, __atomic_load_n(&last_unlock, __ATOMIC_RELAXED));
}

NOINLINE void let_go(void)
{
	__atomic_store_n(&last_unlock, now(), __ATOMIC_RELAXED);
	must(pthread_rwlock_unlock(&rwlock));
	__asm__ volatile("");
}

/* The first two read, the others write. */
static void *reads_or_writes(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		if (me < 2)
			take_to_read((int)(i % 3));
		else
			take_to_write((int)(i % 3));
		nap(2 * MS);
		let_go();
		pthread_barrier_wait(&together);
	}
	return NULL;
}

/* They come while another writes, and in the next round while another reads. */
static void rwlocks(int kind)
{
	pthread_rwlockattr_t a;
	pthread_t t[THREADS];

	must(pthread_rwlockattr_init(&a));
	must(pthread_rwlockattr_setkind_np(&a, kind));
	must(pthread_rwlock_init(&rwlock, &a));
	start_all(t, reads_or_writes);
	for (unsigned long i = 0; i < rounds; i++) {
		must(i % 2 ? pthread_rwlock_rdlock(&rwlock) : pthread_rwlock_wrlock(&rwlock));
		pthread_barrier_wait(&together);
		nap(15 * MS);
		let_go();
		pthread_barrier_wait(&together);
	}
	join_all(t);
	say(&reads);
	say(&writes);
	say(&lets_go);
}

static void rwlock_default(void)
{
	rwlocks(PTHREAD_RWLOCK_PREFER_READER_NP);
}

static void rwlock_writers(void)
{
	rwlocks(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}

/* --- condition variables -------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned long turn; /* under the mutex */
static struct tally conds = {"await", "block", 0, 0};
static struct tally timeouts = {"give_up", "block", 0, 0};
static struct tally enters = {"enter", "block", 0, 0};
static struct tally lends = {"await", "mutex", 0, 0};

/* Which of the calls; 3 and 4 are those old programs come to. */
#if defined(__x86_64__)
int old_wait(pthread_cond_t *c, pthread_mutex_t *m);
int old_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int old_broadcast(pthread_cond_t *c);
__asm__(".symver old_wait, pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver old_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
__asm__(".symver old_broadcast, pthread_cond_broadcast@GLIBC_2.2.5");
#else
#define old_wait      pthread_cond_wait
#define old_timedwait pthread_cond_timedwait
#define old_broadcast pthread_cond_broadcast
#endif
enum { WAIT, TIMEDWAIT, CLOCKWAIT, OLD_WAIT, OLD_TIMEDWAIT };

static int wait_by(int way, uint64_t at_most)
{
	struct timespec real = at(CLOCK_REALTIME, at_most), mono = at(CLOCK_MONOTONIC, at_most);

	switch (way) {
	case TIMEDWAIT:
		return pthread_cond_timedwait(&cond, &mutex, &real);
	case CLOCKWAIT:
		return pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &mono);
	case OLD_WAIT:
		return old_wait(&cond, &mutex);
	case OLD_TIMEDWAIT:
		return old_timedwait(&cond, &mutex, &real);
	default:
		return pthread_cond_wait(&cond, &mutex);
	}
}

NOINLINE void await(int way)
{
	uint64_t from = now();

	must(wait_by(way, 999 * MS));
	count(&conds, from, now());
}

NOINLINE void give_up(int way)
{
	uint64_t from = now();

	if (wait_by(way, 8 * MS) != ETIMEDOUT)
		must(EINVAL);
	count(&timeouts, from, now());
}

/* Two threads take turns; each way of waiting in turn too. */
static void *takes_turns(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	int old = me > 1;

	me %= 2;
	pthread_mutex_lock(&mutex);
	for (unsigned long i = 0; i < rounds; i++) {
		while (turn % 2 != me)
			await(old ? OLD_WAIT + (int)(i % 2) : (int)(i % 3));
		pthread_mutex_unlock(&mutex);
		nap(5 * MS);
		pthread_mutex_lock(&mutex);
		turn++;
		must(old ? old_broadcast(&cond) : pthread_cond_broadcast(&cond));
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void pingpong(uintptr_t first)
{
	pthread_t t[2];

	memset(&cond, 0, sizeof(cond));
	for (uintptr_t i = 0; i < 2; i++)
		must(pthread_create(&t[i], NULL, takes_turns, (void *)(first + i)));
	for (int i = 0; i < 2; i++)
		must(pthread_join(t[i], NULL));
}

static void conds_turns(void)
{
	pingpong(0);
	pingpong(2);
	say(&conds);
}

static void conds_timeouts(void)
{
	pthread_mutex_lock(&mutex);
	for (unsigned long i = 0; i < rounds; i++)
		give_up(i % 2 ? TIMEDWAIT : CLOCKWAIT);
	memset(&cond, 0, sizeof(cond));
	for (unsigned long i = 0; i < rounds; i++)
		give_up(OLD_TIMEDWAIT);
	pthread_mutex_unlock(&mutex);
	say(&timeouts);
}

NOINLINE void enter(void)
{
	uint64_t from = now();

	must(pthread_mutex_lock(&mutex));
	count(&enters, from, now());
	count(&lends, from, __atomic_load_n(&last_unlock, __ATOMIC_RELAXED));
}

/* Gets the mutex when the other begins to wait for the condition. */
static void *wakes(void *arg)
{
	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		enter();
		turn++;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static void conds_lend(void)
{
	pthread_t t;

	pthread_barrier_destroy(&together);
	must(pthread_barrier_init(&together, NULL, 2));
	must(pthread_create(&t, NULL, wakes, NULL));
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_mutex_lock(&mutex);
		pthread_barrier_wait(&together);
		nap(10 * MS);
		__atomic_store_n(&last_unlock, now(), __ATOMIC_RELAXED);
		while (turn <= i)
			await(WAIT);
		pthread_mutex_unlock(&mutex);
		pthread_barrier_wait(&together);
	}
	must(pthread_join(t, NULL));
	say(&enters);
	say(&lends);
}

/* --- C11 ----------------------------------------------------------------------- */

static struct tally c11_locks = {"c11_enter", "block", 0, 0};
static struct tally c11_unlocks = {"c11_leave", "mutex", 0, 0};
static struct tally c11_conds = {"c11_await", "block", 0, 0};
static mtx_t mtx;
static cnd_t cnd;

NOINLINE void c11_enter(int way)
{
	struct timespec real = at(CLOCK_REALTIME, 999 * MS);
	uint64_t from = now();

	if (mtx_trylock(&mtx) == thrd_success)
		return;
	if ((way ? mtx_timedlock(&mtx, &real) : mtx_lock(&mtx)) != thrd_success)
		must(EINVAL);
	count(&c11_locks, from, now());
	count(&c11_unlocks, from, __atomic_load_n(&last_unlock, __ATOMIC_RELAXED));
}

NOINLINE void c11_leave(void)
{
	__atomic_store_n(&last_unlock, now(), __ATOMIC_RELAXED);
	mtx_unlock(&mtx);
	__asm__ volatile("");
}

NOINLINE void c11_await(int way)
{
	struct timespec real = at(CLOCK_REALTIME, 999 * MS);
	uint64_t from = now();

	if ((way ? cnd_timedwait(&cnd, &mtx, &real) : cnd_wait(&cnd, &mtx)) != thrd_success)
		must(EINVAL);
	count(&c11_conds, from, now());
}

static void *c11_other(void *arg)
{
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		c11_enter((int)(i % 2)); /* the other has it for 6 ms, then waits for us */
		nap(6 * MS);
		c11_leave();
		nap(6 * MS);
		c11_enter(0);
		turn++;
		cnd_signal(&cnd);
		c11_leave();
		pthread_barrier_wait(&together);
	}
	return arg;
}

static void c11(void)
{
	pthread_t t;

	pthread_barrier_destroy(&together);
	must(pthread_barrier_init(&together, NULL, 2));
	mtx_init(&mtx, mtx_timed);
	cnd_init(&cnd);
	must(pthread_create(&t, NULL, c11_other, NULL));
	for (unsigned long i = 0; i < rounds; i++) {
		mtx_lock(&mtx);
		pthread_barrier_wait(&together);
		nap(6 * MS);
		c11_leave();
		nap(1 * MS);
		c11_enter((int)(i % 2)); /* the other has had it since */
		while (turn <= i)
			c11_await((int)(i % 2));
		mtx_unlock(&mtx);
		pthread_barrier_wait(&together);
	}
	must(pthread_join(t, NULL));
	say(&c11_locks);
	say(&c11_unlocks);
	say(&c11_conds);
}

/* ------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct schedule schedules[] = {
		{"rwlock", rwlock_default}, {"rwlock-writers", rwlock_writers},
		{"cond", conds_turns},	    {"cond-timeout", conds_timeouts},
		{"cond-mutex", conds_lend}, {"c11", c11},
	};

	return run_schedule(argc, argv, schedules, sizeof(schedules) / sizeof(*schedules));
}
