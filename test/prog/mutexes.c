/* SPDX-License-Identifier: MIT */
/*
 * mutexes.c - every call on every kind of mutex in every state: what it answers
 *
 * usage: mutexes table       prints a line for each
 *        mutexes many N      makes, contends and destroys N mutexes and as many condition
 *                            variables; prints resident KB before and after
 *
 * Context  TEST: its output is compared with and without the agent.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	int value;
} types[] = {{"normal", PTHREAD_MUTEX_NORMAL},
	     {"recursive", PTHREAD_MUTEX_RECURSIVE},
	     {"errorcheck", PTHREAD_MUTEX_ERRORCHECK},
	     {"adaptive", PTHREAD_MUTEX_ADAPTIVE_NP}};
static const char *const ways[] = {"plain", "robust", "inherit", "protect", "pshared", "all"};
static const char *const states[] = {"free", "mine", "other's", "owner died", "not recoverable"};
static const char *const calls[] = {"lock",  "trylock",	  "timedlock", "timedlock bad",
				    "clock", "clock bad", "unlock",    "lock at last"};
enum { FREE, MINE, OTHERS, DIED, LOST };
enum { LOCK, TRYLOCK, TIMED, TIMED_BAD, CLOCK, CLOCK_BAD, UNLOCK, LOCK_AT_LAST };

/* In memory that others could share. */
static struct page {
	pthread_mutex_t mutex;
	pthread_barrier_t barrier;
} * page;

static int init(unsigned type, unsigned way)
{
	pthread_mutexattr_t a;
	int err;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, types[type].value);
	if (way == 1 || way == 5)
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (way == 2 || way == 5)
		pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	if (way == 3) {
		pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT);
		pthread_mutexattr_setprioceiling(&a, 1);
	}
	if (way >= 4)
		pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	err = pthread_mutex_init(&page->mutex, &a);
	pthread_mutexattr_destroy(&a);
	return err;
}

static void *take_and_die(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&page->mutex);
	return NULL;
}

static void *take_and_hold(void *arg)
{
	pthread_mutex_lock(&page->mutex);
	pthread_barrier_wait(&page->barrier);
	if (arg) { /* until somebody waits, to be sure that it does */
		struct timespec ts = {0, 10000000};

		nanosleep(&ts, NULL);
	} else {
		pthread_barrier_wait(&page->barrier);
	}
	pthread_mutex_unlock(&page->mutex);
	return NULL;
}

static struct timespec soon(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += 2000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

static int do_call(unsigned call)
{
	struct timespec real = soon(CLOCK_REALTIME), mono = soon(CLOCK_MONOTONIC);
	struct timespec bad = {real.tv_sec, 1000000000};

	switch (call) {
	case TRYLOCK:
		return pthread_mutex_trylock(&page->mutex);
	case TIMED:
		return pthread_mutex_timedlock(&page->mutex, &real);
	case TIMED_BAD:
		return pthread_mutex_timedlock(&page->mutex, &bad);
	case CLOCK:
		return pthread_mutex_clocklock(&page->mutex, CLOCK_MONOTONIC, &mono);
	case CLOCK_BAD:
		return pthread_mutex_clocklock(&page->mutex, CLOCK_PROCESS_CPUTIME_ID, &mono);
	case UNLOCK:
		return pthread_mutex_unlock(&page->mutex);
	default:
		return pthread_mutex_lock(&page->mutex);
	}
}

/* Only what comes to an end: nobody waits for himself, or for the dead. */
static int ends(unsigned type, unsigned way, unsigned state, unsigned call)
{
	int robust = way == 1 || way == 5;

	if ((state == DIED || state == LOST) && !robust)
		return 0;
	if (call == LOCK_AT_LAST)
		return state == OTHERS;
	if (state == OTHERS && call == LOCK)
		return 0;
	if (state == MINE && call == LOCK)
		return type == 1 || type == 2;
	/* Undefined: an unlock of what isn't one's own, unless it is checked. */
	return call != UNLOCK || state == MINE || type == 1 || type == 2 || robust;
}

static void enter(unsigned state, unsigned call, pthread_t *other)
{
	if (state == MINE)
		pthread_mutex_lock(&page->mutex);
	if (state == OTHERS) {
		pthread_create(other, NULL, take_and_hold, call == LOCK_AT_LAST ? page : NULL);
		pthread_barrier_wait(&page->barrier);
	}
	if (state == DIED || state == LOST) {
		pthread_create(other, NULL, take_and_die, NULL);
		pthread_join(*other, NULL);
	}
	if (state == LOST) {
		pthread_mutex_lock(&page->mutex);
		pthread_mutex_unlock(&page->mutex);
	}
}

static void try_one(unsigned type, unsigned way, unsigned state, unsigned call)
{
	pthread_t other;
	int err, saved, held;

	if (!ends(type, way, state, call))
		return;
	err = init(type, way);
	if (err) {
		printf("%s %s: init %d\n", types[type].name, ways[way], err);
		return;
	}
	enter(state, call, &other);
	errno = 4711;
	err = do_call(call);
	saved = errno;
	printf("%s %s, %s: %s %d errno %d", types[type].name, ways[way], states[state], calls[call],
	       err, saved);
	held = (state == MINE) + (call == UNLOCK ? -!err : !err || err == EOWNERDEAD);
	if (err == EOWNERDEAD)
		printf(" consistent %d", pthread_mutex_consistent(&page->mutex));
	if (state == OTHERS && call != LOCK_AT_LAST)
		pthread_barrier_wait(&page->barrier);
	if (state == OTHERS)
		pthread_join(other, NULL);
	for (; held > 0; held--)
		printf(" unlock %d", pthread_mutex_unlock(&page->mutex));
	printf(" destroy %d\n", pthread_mutex_destroy(&page->mutex));
}

static void table(void)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrier_init(&page->barrier, NULL, 2);
	for (unsigned t = 0; t < 4; t++)
		for (unsigned w = 0; w < 6; w++)
			for (unsigned s = 0; s <= LOST; s++)
				for (unsigned c = 0; c <= LOCK_AT_LAST; c++)
					try_one(t, w, s, c);
}

/* --- many ------------------------------------------------------------------ */

static pthread_mutex_t *handed;
static pthread_barrier_t turn;

static void *contends(void *arg)
{
	unsigned long n = *(unsigned long *)arg;

	for (unsigned long i = 0; i < n; i++) {
		pthread_barrier_wait(&turn);
		pthread_mutex_lock(handed);
		pthread_mutex_unlock(handed);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

static long resident_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(f);
	return pages * 4;
}

static void make_many(unsigned long n)
{
	struct timespec moment = {0, 1}, past = {1, 0};

	for (unsigned long i = 0; i < n; i++) {
		pthread_cond_t cond;
		pthread_mutex_t *m = malloc(sizeof(*m) + i % 7 * 64);

		pthread_mutex_init(m, NULL);
		pthread_cond_init(&cond, NULL);
		pthread_mutex_lock(m);
		pthread_cond_timedwait(&cond, m, &past);
		if (i % 100 == 0) {
			handed = m;
			pthread_barrier_wait(&turn);
			nanosleep(&moment, NULL);
		}
		pthread_mutex_unlock(m);
		if (i % 100 == 0)
			pthread_barrier_wait(&turn);
		pthread_mutex_destroy(m);
		pthread_cond_destroy(&cond);
		free(m);
	}
}

static void many(unsigned long n)
{
	unsigned long contended = (n / 2 + 99) / 100 * 2;
	pthread_t t;
	long before;

	pthread_barrier_init(&turn, NULL, 2);
	pthread_create(&t, NULL, contends, &contended);
	make_many(n / 2);
	before = resident_kb();
	make_many(n / 2);
	printf("%ld %ld\n", before, resident_kb());
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "table"))
		table();
	else if (argc == 3 && !strcmp(argv[1], "many"))
		many(strtoul(argv[2], NULL, 10));
	else
		return 2;
	return 0;
}
