/* SPDX-License-Identifier: MIT */
/*
 * libearly.c - a library whose constructor is a program of its own
 *
 * Context  TEST: preloaded behind the agent, so that it begins before. It makes threads
 *          that lock, wait, allocate and handle signals; ENDS=how ends the process there.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8
#define TURNS	100

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static long turn, waited;
static void *kept[THREADS];
static int handled;

static void on_usr2(int sig)
{
	__atomic_fetch_add(&handled, sig == SIGUSR2, __ATOMIC_RELAXED); /* eight at once */
}

/* In a ring: each waits for its turn, so that the lock is contended and the condition used. */
static void *takes_turns(void *arg)
{
	long me = (long)arg;

	for (long i = 0; i < TURNS; i++) {
		void *p = malloc(64 + (size_t)i % 1000);

		pthread_mutex_lock(&lock);
		while (turn % THREADS != me) {
			pthread_cond_wait(&turned, &lock);
			waited++;
		}
		turn++;
		pthread_cond_broadcast(&turned);
		pthread_mutex_unlock(&lock);
		free(p);
	}
	kept[me] = realloc(calloc(10, 10), 1000);
	raise(SIGUSR2);
	return NULL;
}

static void end(const char *how)
{
	if (!strcmp(how, "exit"))
		exit(5);
	if (!strcmp(how, "_exit"))
		_exit(6);
	if (!strcmp(how, "quick_exit"))
		quick_exit(7);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "signal"))
		raise(SIGTERM);
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t t[THREADS];

	if (getenv("ENDS"))
		end(getenv("ENDS"));
	signal(SIGUSR2, on_usr2);
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, takes_turns, (void *)i))
			_exit(9);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* What came of it; the blocks of those threads are freed by whoever asks. */
void early_say(void)
{
	printf("turns %ld, handled %d, %s\n", turn, handled, waited ? "waited" : "never waited");
	for (int i = 0; i < THREADS; i++) {
		printf("%s", kept[i] ? "block " : "NULL ");
		free(kept[i]);
		kept[i] = NULL;
	}
	puts("");
}
