// SPDX-License-Identifier: MIT
// httpbusy.c - a program with something for every profile
//
// usage: httpbusy [DEPTH]      how deep the stack is that allocates, 20 by default
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile unsigned sum;
static void *kept[64];

__attribute__((noinline)) void burn(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sum += i;
}

__attribute__((noinline)) void hold_lock(void)
{
	pthread_mutex_lock(&lock);
	usleep(2000);
	pthread_mutex_unlock(&lock);
}

static void *contend(void *arg)
{
	for (;;) {
		hold_lock();
		burn(300000);
	}
	return arg;
}

static void *live_shortly(void *arg)
{
	free(malloc(5000));
	return arg;
}

__attribute__((noinline)) void go_deep(unsigned depth)
{
	if (depth) {
		go_deep(depth - 1);
	} else {
		free(kept[sum % 64]);
		kept[sum % 64] = malloc(9000);
	}
	sum++; // no tail call
}

__attribute__((noinline)) void make_thread(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, live_shortly, NULL))
		pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
	pthread_t t;

	for (int i = 0; i < 2; i++)
		pthread_create(&t, NULL, contend, NULL);
	for (;;) {
		for (int i = 0; i < 200; i++)
			go_deep(depth);
		make_thread();
		usleep(20000);
	}
}
