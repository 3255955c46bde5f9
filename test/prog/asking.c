/* SPDX-License-Identifier: MIT */
/*
 * asking.c - four threads ask by value, 50 times each, while others allocate
 *
 * Each request has a nonce of its own: 1 to 200. By SIGRTMIN+3, which is
 * queued: none is merged with another by the kernel. Usage: asking MICROSECONDS, the longest
 * pause between two requests of a thread. Says "asked" when all are on their way.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned longest;

static void *ask(void *arg)
{
	unsigned first = (unsigned)(uintptr_t)arg, seed = first;

	for (unsigned i = 0; i < 50; i++) {
		uintptr_t word = 0xc9f0ULL << 48 | 4ULL << 40 | (first + i);
		union sigval v = {.sival_ptr = (void *)word};

		while (sigqueue(getpid(), SIGRTMIN + 3, v))
			usleep(1000); /* as many are queued as there may be */
		usleep((unsigned)rand_r(&seed) % longest);
	}
	return NULL;
}

static void *allocate(void *arg)
{
	void *kept[64] = {0};

	for (unsigned i = 0;; i++) {
		free(kept[i % 64]);
		kept[i % 64] = malloc(i % 5000);
		if (i % 1000 == 0)
			usleep(1000);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t[4], other;

	longest = argc > 1 ? (unsigned)atoi(argv[1]) : 50000;
	for (int i = 0; i < 2; i++)
		pthread_create(&other, NULL, allocate, NULL);
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, ask, (void *)(uintptr_t)(1 + 50 * i));
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	puts("asked");
	fflush(stdout);
	for (;;)
		pause(); /* our own signal ends it too */
}
