/* SPDX-License-Identifier: MIT */
/*
 * waits.h - what programs that wait, and say how often and how long, have in common
 *
 * Context  TEST
 */
#ifndef CP_PROG_WAITS_H
#define CP_PROG_WAITS_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, noclone))
#define THREADS	 4
#define MS	 1000000UL

static unsigned long rounds;
static pthread_barrier_t together;
static uint64_t last_unlock __attribute__((unused));

/* What one function did. */
struct tally {
	const char *name, *profile;
	uint64_t n, ns;
};

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

static inline struct timespec at(clockid_t clock, uint64_t from_now)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += (long)from_now;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "waits: %s\n", strerror(err));
	exit(1);
}

static void count(struct tally *t, uint64_t from, uint64_t until)
{
	__atomic_fetch_add(&t->n, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->ns, until > from ? until - from : 0, __ATOMIC_RELAXED);
}

static void say(const struct tally *t)
{
	printf("%s %s %lu %lu\n", t->name, t->profile, t->n, t->ns);
}

static inline void start_all(pthread_t *t, void *(*start)(void *))
{
	for (uintptr_t i = 0; i < THREADS; i++)
		must(pthread_create(&t[i], NULL, start, (void *)i));
}

static inline void join_all(const pthread_t *t)
{
	for (int i = 0; i < THREADS; i++)
		must(pthread_join(t[i], NULL));
}

struct schedule {
	const char *name;
	void (*run)(void);
};

static inline int run_schedule(int argc, char **argv, const struct schedule *schedules, size_t n)
{
	rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	must(pthread_barrier_init(&together, NULL, THREADS + 1));
	for (size_t i = 0; i < n; i++) {
		if (argc > 2 && !strcmp(argv[1], schedules[i].name)) {
			schedules[i].run();
			return 0;
		}
	}
	return 2;
}

#endif
