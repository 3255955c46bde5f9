/* SPDX-License-Identifier: MIT */
/*
 * threads.c - makes threads in every way, and ends them in every way
 *
 * Context  TEST: prints what it got; the same must come out with the agent.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <threads.h>
#include <unistd.h>

static sem_t done;
static int cleaned;

static void cleanup(void *arg)
{
	cleaned += *(int *)arg;
}

static void *plain(void *arg)
{
	free(malloc(1000));
	return arg;
}

static void *exits(void *arg)
{
	pthread_cleanup_push(cleanup, &(int){1});
	pthread_exit(arg);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *waits(void *arg)
{
	pthread_cleanup_push(cleanup, &(int){10});
	sem_post(&done);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return arg;
}

static void *spins(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	sem_post(&done);
	for (;;)
		__asm__ volatile("" ::: "memory");
	return arg;
}

static void *posts(void *arg)
{
	free(malloc(100));
	sem_post(&done);
	return arg;
}

static int by_c11(void *arg)
{
	free(malloc(1000));
	return *(int *)arg + 1;
}

static void *tells_stack(void *arg)
{
	size_t *size = arg, guard;
	pthread_attr_t attr;
	void *addr;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &addr, size);
	pthread_attr_getguardsize(&attr, &guard);
	printf("stack %zu guard %zu inside %d\n", *size, guard,
	       (char *)&attr > (char *)addr && (char *)&attr < (char *)addr + *size);
	pthread_attr_destroy(&attr);
	return NULL;
}

static void join(const char *what, pthread_t t, void *expect)
{
	void *got = NULL;
	int err = pthread_join(t, &got);

	printf("%s: join %d, %s\n", what, err,
	       got == expect		 ? "as expected"
	       : got == PTHREAD_CANCELED ? "cancelled"
					 : "something else");
}

static void c11(void)
{
	int arg = 41, got = 0, made, joined;
	thrd_t t;

	made = thrd_create(&t, by_c11, &arg);
	joined = thrd_join(t, &got);
	printf("C11's: %d %d, %d\n", made == thrd_success, joined == thrd_success, got);
}

static void endings(void)
{
	pthread_t t;
	int x;

	printf("create %d\n", pthread_create(&t, NULL, plain, &x));
	join("return", t, &x);
	pthread_create(&t, NULL, exits, &x);
	join("pthread_exit", t, &x);
	pthread_create(&t, NULL, waits, &x);
	sem_wait(&done);
	pthread_cancel(t);
	join("cancel", t, &x);
	pthread_create(&t, NULL, spins, &x);
	sem_wait(&done);
	pthread_cancel(t);
	join("async cancel", t, &x);
	pthread_create(&t, NULL, waits, &x);
	pthread_cancel(t); /* perhaps before it runs */
	join("early cancel", t, PTHREAD_CANCELED);
	printf("cleaned %d\n", cleaned % 10);
}

static void attributes(void)
{
	const size_t sizes[] = {(size_t)PTHREAD_STACK_MIN, 65536, 1 << 20, 3 << 20};
	pthread_attr_t attr;
	pthread_t t;
	size_t size;
	void *own;
	int err;

	pthread_create(&t, NULL, tells_stack, &size);
	pthread_join(t, NULL);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, sizes[i]);
		printf("create %d\n", pthread_create(&t, &attr, plain, NULL));
		pthread_join(t, NULL);
		pthread_attr_destroy(&attr);
	}
	own = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, own, 1 << 18);
	err = pthread_create(&t, &attr, tells_stack, &size);
	pthread_join(t, NULL);
	printf("own stack %d\n", err);
	pthread_attr_destroy(&attr);
	munmap(own, 1 << 18);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	printf("detached %d", pthread_create(&t, &attr, posts, NULL));
	sem_wait(&done);
	pthread_attr_destroy(&attr);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 1000; i++) {
		while (pthread_create(&t, &attr, posts, NULL))
			sched_yield();
		if (i % 20 == 19)
			for (int k = 0; k < 20; k++)
				sem_wait(&done);
	}
	puts(", and a thousand more");
}

static void failures(void)
{
	struct rlimit lim = {1UL << 28, RLIM_INFINITY};
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setstacksize(&attr, 1UL << 40);
	setrlimit(RLIMIT_AS, &lim);
	errno = 5;
	for (int i = 0; i < 300; i++) /* more than we have slots for */
		if (pthread_create(&t, &attr, plain, NULL) != EAGAIN)
			puts("made without memory");
	printf("errno %d\n", errno);
	pthread_attr_destroy(&attr);
}

static void *last(void *arg)
{
	puts("last thread");
	return arg;
}

int main(void)
{
	pthread_t t;

	sem_init(&done, 0, 0);
	endings();
	c11();
	attributes();
	failures();
	fflush(stdout);
	if (pthread_create(&t, NULL, last, NULL))
		puts("no last thread");
	pthread_exit(NULL);
}
