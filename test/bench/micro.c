/* SPDX-License-Identifier: MIT */
/*
 * micro.c - what one operation costs, on whatever is preloaded
 *
 * usage: micro OPERATION COUNT
 *
 * For each line on its standard input, a round; prints how many ns each operation took.
 *
 *   pair:SIZE   malloc and free; blocks die in the order of a small ring, so that free
 *               never meets the block that was allocated just before; 0: of 16 to 1024 bytes
 *   batch       malloc of a thousand blocks, then free of all: per pair
 *   cross       one thread allocates, another frees: per pair
 *   lock        an uncontended lock and unlock
 *   read, write an uncontended read-write lock, and its unlock
 *   contended   two threads take the same lock: per lock and unlock
 *   crowd       sixteen do
 *   held:N      N threads take the same lock, and work for as long within as without: the same
 *   ring:N      N threads in a ring hand a turn on, by a condition variable each: per way
 *   apart:N     the same, each on another processor than the one before
 *   thread      pthread_create and join
 *   threads:N   N threads, each in malloc and free: per pair and thread
 *
 * Of the process's CPU time, but wall time for contended, crowd, held, ring and apart, whose
 * time is waiting. How threads come and go is no part of it, but for thread.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 1000
#define RING  64
#define MOST  64 /* threads */
#define WORK  500

static struct {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	pthread_cond_t cond[MOST];
	long count, turn, ring;
	bool apart;
	clockid_t clock;
	double began, ended;
	pthread_barrier_t gate;
	void *(*body[2])(void *);
	sem_t full, empty;
	void *block[BATCH];
} st = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond[0 ... MOST - 1] = PTHREAD_COND_INITIALIZER};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(st.clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static size_t size_of(long i)
{
	return 16 + ((unsigned)i * 2654435761U >> 22);
}

static void pair(size_t size)
{
	void *ring[RING] = {0};

	for (long i = 0; i < st.count; i++) {
		unsigned slot = (unsigned)i % RING;

		free(ring[slot]);
		ring[slot] = malloc(size ? size : size_of(i));
		__asm__ volatile("" : : "r"(ring[slot]) : "memory");
	}
	for (int i = 0; i < RING; i++)
		free(ring[i]);
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

static void *between_gates(void *arg)
{
	pthread_barrier_wait(&st.gate);
	st.body[(uintptr_t)arg % 2](arg);
	pthread_barrier_wait(&st.gate);
	return NULL;
}

/* Each thread gets its number, and every other one another body if there is one. */
static void together(int n, void *(*run)(void *), void *(*other)(void *))
{
	pthread_t thread[MOST];

	st.body[0] = run;
	st.body[1] = other ? other : run;
	pthread_barrier_init(&st.gate, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, between_gates, (void *)(uintptr_t)i);
	pthread_barrier_wait(&st.gate);
	st.began = now_ns();
	pthread_barrier_wait(&st.gate);
	st.ended = now_ns();
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&st.gate);
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

/* Some tenths of a microsecond. */
static void work(void)
{
	for (int i = 0; i < WORK; i++)
		__asm__ volatile("");
}

static void *lock_and_work(void *arg)
{
	for (long i = 0; i < st.count; i++) {
		pthread_mutex_lock(&st.mutex);
		work();
		pthread_mutex_unlock(&st.mutex);
		work();
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

/* On one processor of those there are. */
static void settle(long me)
{
	cpu_set_t all, one;
	long cpu = -1;

	sched_getaffinity(0, sizeof(all), &all);
	for (long n = me % CPU_COUNT(&all); n >= 0; n -= CPU_ISSET(cpu, &all) != 0)
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void *pass(void *arg)
{
	long me = (long)(uintptr_t)arg, next = (me + 1) % st.ring;

	if (st.apart)
		settle(me);
	for (long i = 0; i < st.count / st.ring; i++) {
		pthread_mutex_lock(&st.mutex);
		while (st.turn != me)
			pthread_cond_wait(&st.cond[me], &st.mutex);
		st.turn = next;
		pthread_cond_signal(&st.cond[next]);
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
	pair(0);
	return arg;
}

static void threads(void)
{
	pthread_t thread;

	for (long i = 0; i < st.count; i++) {
		pthread_create(&thread, NULL, nothing, NULL);
		pthread_join(thread, NULL);
	}
}

static bool is_ring(const char *what)
{
	st.apart = sscanf(what, "apart:%ld", &st.ring) == 1;
	return (st.apart || sscanf(what, "ring:%ld", &st.ring) == 1) && st.ring > 0 &&
	       st.ring <= MOST;
}

/* How often the operation is done while st.count counts once. */
static int run(const char *what)
{
	size_t size;
	int n = 1;

	st.turn = 0;
	if (sscanf(what, "pair:%zu", &size) == 1)
		pair(size);
	else if (!strcmp(what, "batch"))
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
	else if (sscanf(what, "held:%d", &n) == 1 && n > 0 && n <= MOST)
		together(n, lock_and_work, NULL);
	else if (is_ring(what))
		together((int)st.ring, pass, NULL);
	else if (!strcmp(what, "thread"))
		threads();
	else if (sscanf(what, "threads:%d", &n) == 1 && n > 0 && n <= MOST)
		together(n, pairs, NULL);
	else
		exit(2);
	return n;
}

static bool waits(const char *what)
{
	return !strcmp(what, "contended") || !strcmp(what, "crowd") ||
	       !strncmp(what, "held:", strlen("held:")) || is_ring(what);
}

int main(int argc, char **argv)
{
	char line[8];

	if (argc != 3)
		return 2;
	st.count = strtol(argv[2], NULL, 10);
	st.clock = waits(argv[1]) ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
	while (fgets(line, sizeof(line), stdin)) {
		int n;

		st.ended = 0;
		st.began = now_ns();
		n = run(argv[1]);
		if (!st.ended)
			st.ended = now_ns();
		printf("%.3f\n", (st.ended - st.began) / (double)st.count / n);
		fflush(stdout);
	}
	return 0;
}
