/* SPDX-License-Identifier: MIT */
/*
 * waittable.h - what programs that print what calls answer have in common
 *
 * Context  TEST
 */
#ifndef CP_PROG_WAITTABLE_H
#define CP_PROG_WAITTABLE_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

/* Where nothing can be read, nor known by the compiler. */
static void *volatile nowhere = (void *)8;
#define NOWHERE ((void *)nowhere)

/* What CALL answers, what errno is then, and what EXTRA says. */
#define SHOW_WITH(name, call, extra)                                                   \
	do {                                                                           \
		long answer, saved;                                                    \
                                                                                       \
		errno = 4711;                                                          \
		answer = (long)(call);                                                 \
		saved = errno;                                                         \
		printf("%s: %ld errno %ld %ld\n", name, answer, saved, (long)(extra)); \
	} while (0)
#define SHOW(call) SHOW_WITH(#call, call, 0)

static inline struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += 1000000000;
	}
	return ts;
}

static void nothing(int sig)
{
	(void)sig;
}

/* Signals until told otherwise, so that none comes before the wait has begun. */
static void interrupt(int flags, long every_us)
{
	struct sigaction sa = {.sa_handler = nothing, .sa_flags = flags};
	struct itimerval it = {{0, every_us}, {0, every_us}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

#endif
