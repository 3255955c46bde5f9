/* SPDX-License-Identifier: MIT */
/*
 * namedlocks.c - fights for locks in variables, for others, and for such as aren't there any more
 *
 * usage: namedlocks names        each function below fights for a lock that has a name, or none
 *        namedlocks cancelled    threads are cancelled while they wait for a mutex
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define THREADS	 3
#define ROUNDS	 8

static pthread_mutex_t global = PTHREAD_MUTEX_INITIALIZER;
static struct {
	long first[5];
	pthread_mutex_t mutex;
} server = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t together;

static void *fight(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(arg);
		usleep(1000);
		pthread_mutex_unlock(arg);
		usleep(100);
	}
	return NULL;
}

static void *write_it(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_rwlock_wrlock(arg);
		usleep(1000);
		pthread_rwlock_unlock(arg);
		usleep(100);
	}
	return NULL;
}

static void in_threads(void *(*fn)(void *), void *lock)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, fn, lock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

NOINLINE void make_queue(pthread_mutex_t *m)
{
	pthread_mutex_init(m, NULL);
	__asm__ volatile("");
}

NOINLINE void make_table(pthread_rwlock_t *l)
{
	pthread_rwlock_init(l, NULL);
	__asm__ volatile("");
}

static void *as_another(void *lock)
{
	return fight(lock);
}

static void names(void)
{
	pthread_mutex_t *m = malloc(sizeof(*m));
	pthread_rwlock_t *l = malloc(sizeof(*l));

	in_threads(fight, &global);
	in_threads(fight, &server.mutex);
	in_threads(write_it, &rwlock);
	make_queue(m);
	make_table(l);
	in_threads(fight, m);
	in_threads(write_it, l);
	/* In the same place another one that no call has made. */
	pthread_mutex_destroy(m);
	memset(m, 0, sizeof(*m));
	in_threads(as_another, m);
}

/* --- cancelled ---------------------------------------------------------------- */

static void *waits_for_ever(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_barrier_wait(&together);
	pthread_mutex_lock(&global);
	return arg;
}

NOINLINE void let_go(void)
{
	pthread_mutex_unlock(&global);
	__asm__ volatile("");
}

static void cancelled(void)
{
	pthread_t t;

	pthread_barrier_init(&together, NULL, 2);
	pthread_mutex_lock(&global);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_create(&t, NULL, waits_for_ever, NULL);
		pthread_barrier_wait(&together);
		usleep(3000);
		pthread_cancel(t);
		pthread_join(t, NULL);
	}
	/* Somebody has waited, the word says, and nobody does. */
	usleep(50000);
	let_go();
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "names"))
		names();
	else if (argc > 1 && !strcmp(argv[1], "cancelled"))
		cancelled();
	else
		return 2;
	return 0;
}
