/* SPDX-License-Identifier: MIT */
/*
 * micro.c - what one operation costs, on whatever is preloaded
 *
 * usage: micro OPERATION COUNT ROUNDS
 *
 *   batch       malloc of a thousand blocks, then free of all: per pair
 *   cross       one thread allocates, another frees: per pair
 *   lock        an uncontended lock and unlock
 *   read, write an uncontended read-write lock, and its unlock
 *   contended   two threads take the same lock in turn: per lock and unlock
 *   crowd       sixteen do: wall time
 *   pingpong    a condition variable to and fro between two threads: per way
 *   thread      pthread_create and join
 *   threads:N   N threads, each in malloc and free: per pair and thread
 *
 * Prints the ns of each round: of the process's CPU time, but wall time for crowd and
 * pingpong, whose time is waiting.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 1000

static struct {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	pthread_cond_t cond;
	long count, turn;
	sem_t full, empty;
	void *block[BATCH];
} st = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static double now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static size_t size_of(long i)
{
	return 16 + ((unsigned)i * 2654435761U >> 22);
}

static void batch(void)
{
	for (long i = 0; i < st.count; i += BATCH) {
		for (int k = 0; k < BATCH; k++)
			st.block[k] = malloc(size_of(k));
		for (int k = 0; k < BATCH; k++)
			free(st.block[k]);
	}
}

static void together(int n, void *(*run)(void *), void *(*other)(void *))
{
	pthread_t thread[64];

	for (int i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, i % 2 && other ? other : run, i % 2 ? &st : NULL);
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
}

/* The blocks of a round, to and fro by two semaphores. */
static void *consume(void *arg)
{
	for (long i = 0; i < st.count; i += BATCH) {
		sem_wait(&st.full);
		for (int k = 0; k < BATCH; k++)
			free(st.block[k]);
		sem_post(&st.empty);
	}
	return arg;
}

static void *produce(void *arg)
{
	for (long i = 0; i < st.count; i += BATCH) {
		sem_wait(&st.empty);
		for (int k = 0; k < BATCH; k++)
			st.block[k] = malloc(size_of(k));
		sem_post(&st.full);
	}
	return arg;
}

static void cross(void)
{
	sem_init(&st.full, 0, 0);
	sem_init(&st.empty, 0, 1);
	together(2, produce, consume);
}

static void *lock_often(void *arg)
{
	for (long i = 0; i < st.count; i++) {
		pthread_mutex_lock(&st.mutex);
		st.turn++;
		pthread_mutex_unlock(&st.mutex);
	}
	return arg;
}

static void *rwlock_often(int (*lock)(pthread_rwlock_t *))
{
	for (long i = 0; i < st.count; i++) {
		lock(&st.rwlock);
		pthread_rwlock_unlock(&st.rwlock);
	}
	return NULL;
}

static void *pass(void *arg)
{
	long me = arg != NULL;

	for (long i = 0; i < st.count / 2; i++) {
		pthread_mutex_lock(&st.mutex);
		while (st.turn != me)
			pthread_cond_wait(&st.cond, &st.mutex);
		st.turn = !me;
		pthread_cond_signal(&st.cond);
		pthread_mutex_unlock(&st.mutex);
	}
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *pairs(void *arg)
{
	void *ring[64] = {0};

	for (long i = 0; i < st.count; i++) {
		free(ring[i % 64]);
		ring[i % 64] = malloc(size_of(i));
	}
	for (int i = 0; i < 64; i++)
		free(ring[i]);
	return arg;
}

static void threads(void)
{
	for (long i = 0; i < st.count; i++)
		together(1, nothing, NULL);
}

/* How often the operation is done while st.count counts once. */
static int run(const char *what)
{
	int n = 1;

	st.turn = 0;
	if (!strcmp(what, "batch"))
		batch();
	else if (!strcmp(what, "cross"))
		cross();
	else if (!strcmp(what, "lock"))
		lock_often(NULL);
	else if (!strcmp(what, "read"))
		rwlock_often(pthread_rwlock_rdlock);
	else if (!strcmp(what, "write"))
		rwlock_often(pthread_rwlock_wrlock);
	else if (!strcmp(what, "contended"))
		together(n = 2, lock_often, NULL);
	else if (!strcmp(what, "crowd"))
		together(n = 16, lock_often, NULL);
	else if (!strcmp(what, "pingpong"))
		together(2, pass, NULL);
	else if (!strcmp(what, "thread"))
		threads();
	else if (sscanf(what, "threads:%d", &n) == 1 && n > 0 && n <= 64)
		together(n, pairs, NULL);
	else
		exit(2);
	return n;
}

int main(int argc, char **argv)
{
	long rounds = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

	if (argc != 4)
		return 2;
	if (!strcmp(argv[1], "pingpong") || !strcmp(argv[1], "crowd"))
		clock = CLOCK_MONOTONIC;
	st.count = strtol(argv[2], NULL, 10);
	for (long i = 0; i < rounds; i++) {
		double began = now_ns(clock);
		int n = run(argv[1]);

		printf("%.3f\n", (now_ns(clock) - began) / (double)st.count / n);
	}
	return 0;
}
