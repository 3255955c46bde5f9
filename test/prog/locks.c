/* SPDX-License-Identifier: MIT */
/*
 * locks.c - waits for mutexes, and says how often and how long
 *
 * usage: locks SCHEDULE ROUNDS
 *
 * Prints a line for each function that waits or makes wait: its name, the profile it
 * belongs to (block or mutex), contentions and nanoseconds, by its own clock. What it
 * measures is from before a lock call to after it, when another had the lock; and from
 * there to the last unlock of another.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define WAITERS	 4

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t together;
static unsigned long rounds;
static uint64_t last_unlock; /* written and read with the mutex held */

static struct {
	uint64_t waits, waited, charged; /* with the mutex held */
} truth;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void nap(uint64_t ns)
{
	struct timespec ts = {0, (long)ns};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "locks: %s\n", strerror(err));
	exit(1);
}

/* The call that may wait; in the profile under its own name. */
NOINLINE void take(void)
{
	uint64_t from = now(), until;

	if (pthread_mutex_trylock(&mutex) == 0)
		return; /* came free just now: that's no wait */
	must(pthread_mutex_lock(&mutex));
	until = now();
	truth.waits++;
	truth.waited += until - from;
	truth.charged += last_unlock - from;
}

NOINLINE void release(void)
{
	last_unlock = now();
	must(pthread_mutex_unlock(&mutex));
	__asm__ volatile("");
}

/* No waiter arrives before the holder has it, none after it lets go. */
static void *waiter(void *arg)
{
	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		take();
		nap(1000000);
		release();
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static void holder(void)
{
	pthread_t t[WAITERS];

	must(pthread_barrier_init(&together, NULL, WAITERS + 1));
	for (int i = 0; i < WAITERS; i++)
		must(pthread_create(&t[i], NULL, waiter, NULL));
	for (unsigned long i = 0; i < rounds; i++) {
		must(pthread_mutex_lock(&mutex));
		pthread_barrier_wait(&together);
		nap(20000000);
		release();
		pthread_barrier_wait(&together);
	}
	for (int i = 0; i < WAITERS; i++)
		must(pthread_join(t[i], NULL));
}

/* Each thread holds it most of the time: whoever comes finds it taken. */
static void *in_convoy(void *arg)
{
	(void)arg;
	for (unsigned long i = 0; i < rounds; i++) {
		take();
		nap(3000000);
		release();
		nap(1000000); /* else it has it again before the next one wakes up */
	}
	return NULL;
}

static void convoy(void)
{
	pthread_t t[WAITERS];

	for (int i = 0; i < WAITERS; i++)
		must(pthread_create(&t[i], NULL, in_convoy, NULL));
	for (int i = 0; i < WAITERS; i++)
		must(pthread_join(t[i], NULL));
}

/* Nobody waits: nothing may be recorded. */
static void alone(void)
{
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_mutex_t m = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

		for (int depth = 0; depth < 3; depth++)
			must(pthread_mutex_lock(&m));
		for (int depth = 0; depth < 3; depth++)
			must(pthread_mutex_unlock(&m));
		must(pthread_mutex_destroy(&m));
	}
}

int main(int argc, char **argv)
{
	const char *schedule = argc > 2 ? argv[1] : "";

	rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	if (!strcmp(schedule, "holder"))
		holder();
	else if (!strcmp(schedule, "convoy"))
		convoy();
	else if (!strcmp(schedule, "alone"))
		alone();
	else
		return 2;
	printf("take block %lu %lu\n", truth.waits, truth.waited);
	printf("release mutex %lu %lu\n", truth.waits, truth.charged);
	return 0;
}
