/* SPDX-License-Identifier: MIT */
/*
 * waitsmore.c - waits for all but locks and conditions, and says how often and how long
 *
 * usage: waitsmore SCHEDULE ROUNDS
 *
 * Prints a line for each function that waits or makes wait: its name, the profile it
 * belongs to (block or mutex), contentions and nanoseconds, by its own clock. As locks.c
 * does it: from before the call to after it, and to the last unlock of another.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include "waits.h"

#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <threads.h>
#include <unistd.h>

/* --- once, at the end of a thread, at a barrier ------------------------------------ */

static struct tally onces = {"do_once", "block", 0, 0};
static struct tally inits = {"first_of_all", "mutex", 0, 0};
static struct tally joins = {"see_off", "block", 0, 0};
static struct tally meetings = {"meet", "block", 0, 0};
static pthread_once_t *once;
static once_flag *flag;
static uint64_t done_at, routines;

static void routine(void)
{
	__atomic_fetch_add(&routines, 1, __ATOMIC_RELAXED);
	nap(10 * MS);
	__atomic_store_n(&done_at, now(), __ATOMIC_RELAXED);
}

NOINLINE void do_once(int way)
{
	uint64_t from = now();

	if (way)
		call_once(flag, routine);
	else
		must(pthread_once(once, routine));
	if (__atomic_load_n(&done_at, __ATOMIC_RELAXED) < from)
		return; /* came too late: that's no wait */
	count(&onces, from, now());
	count(&inits, from, __atomic_load_n(&done_at, __ATOMIC_RELAXED));
}

NOINLINE void first_of_all(int way)
{
	if (way)
		call_once(flag, routine);
	else
		must(pthread_once(once, routine));
	__asm__ volatile("");
}

static void *comes_second(void *arg)
{
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		while (__atomic_load_n(&routines, __ATOMIC_RELAXED) <= i)
			nap(MS);
		do_once((int)(i % 2));
		pthread_barrier_wait(&together);
	}
	return arg;
}

static void once_for_all(void)
{
	pthread_t t[THREADS];

	start_all(t, comes_second);
	for (unsigned long i = 0; i < rounds; i++) {
		once = calloc(1, sizeof(*once));
		flag = calloc(1, sizeof(*flag));
		pthread_barrier_wait(&together);
		first_of_all((int)(i % 2));
		pthread_barrier_wait(&together);
		first_of_all((int)(i % 2)); /* done: nothing is recorded */
	}
	join_all(t);
	say(&onces);
	say(&inits);
}

static int naps(void *arg)
{
	nap(5 * MS);
	return arg != NULL;
}

static void *naps_too(void *arg)
{
	nap(5 * MS);
	return arg;
}

NOINLINE void see_off(int way)
{
	struct timespec real = at(CLOCK_REALTIME, 999 * MS), mono = at(CLOCK_MONOTONIC, 999 * MS);
	pthread_t t;
	thrd_t c;
	uint64_t from;

	if (way == 3 ? thrd_create(&c, naps, NULL) : pthread_create(&t, NULL, naps_too, NULL))
		must(EAGAIN);
	from = now();
	must(way == 0	? pthread_join(t, NULL)
	     : way == 1 ? pthread_timedjoin_np(t, NULL, &real)
	     : way == 2 ? pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, &mono)
			: thrd_join(c, NULL));
	count(&joins, from, now());
}

static void join_threads(void)
{
	for (unsigned long i = 0; i < rounds; i++)
		see_off((int)(i % 4));
	say(&joins);
}

NOINLINE void meet(void)
{
	uint64_t from = now();

	if (pthread_barrier_wait(&together) == 0)
		count(&meetings, from, now());
}

static void *meets(void *arg)
{
	for (unsigned long i = 0; i < rounds; i++)
		meet();
	return arg;
}

/* Who comes last doesn't wait. */
static void barriers(void)
{
	pthread_t t[THREADS];

	start_all(t, meets);
	for (unsigned long i = 0; i < rounds; i++) {
		nap(8 * MS);
		meet();
	}
	join_all(t);
	say(&meetings);
}

/* --- semaphores, futexes ------------------------------------------------------ */

static struct tally gets = {"get", "block", 0, 0};
static sem_t full, empty;

NOINLINE void get(sem_t *s, int way)
{
	struct timespec real = at(CLOCK_REALTIME, 999 * MS), mono = at(CLOCK_MONOTONIC, 999 * MS);
	uint64_t from = now();

	if (sem_trywait(s) == 0)
		return;
	if (way == 0   ? sem_wait(s)
	    : way == 1 ? sem_timedwait(s, &real)
		       : sem_clockwait(s, CLOCK_MONOTONIC, &mono))
		must(errno);
	count(&gets, from, now());
}

static void *consumes(void *arg)
{
	for (unsigned long i = 0; i < rounds; i++) {
		get(&full, (int)(i % 3));
		sem_post(&empty);
	}
	return arg;
}

static void pipeline(void)
{
	pthread_t t;

	sem_init(&full, 0, 0);
	sem_init(&empty, 0, 2);
	must(pthread_create(&t, NULL, consumes, NULL));
	for (unsigned long i = 0; i < rounds; i++) {
		get(&empty, (int)(i % 3));
		nap(4 * MS);
		sem_post(&full);
	}
	must(pthread_join(t, NULL));
	say(&gets);
}

static struct tally futex_waits = {"futex_wait", "block", 0, 0};
static struct tally futex_wakes = {"futex_wake", "mutex", 0, 0};
static uint32_t word;

NOINLINE void futex_wait(uint32_t seen, int bitset)
{
	int op = bitset ? FUTEX_WAIT_BITSET : FUTEX_WAIT;
	uint64_t from = now();

	if (syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, seen, NULL, NULL, ~0U))
		must(errno);
	count(&futex_waits, from, now());
	count(&futex_wakes, from, __atomic_load_n(&last_unlock, __ATOMIC_RELAXED));
}

NOINLINE void futex_wake(int bitset)
{
	int op = bitset ? FUTEX_WAKE_BITSET : FUTEX_WAKE;

	__atomic_store_n(&last_unlock, now(), __ATOMIC_RELAXED);
	if (syscall(SYS_futex, &word, op | FUTEX_PRIVATE_FLAG, THREADS, NULL, NULL, ~0U) != THREADS)
		must(EINVAL);
	__asm__ volatile("");
}

static void *sleeps_on_it(void *arg)
{
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		futex_wait((uint32_t)i, (int)(i % 2));
		pthread_barrier_wait(&together);
	}
	return arg;
}

static void futexes(void)
{
	pthread_t t[THREADS];

	start_all(t, sleeps_on_it);
	for (unsigned long i = 0; i < rounds; i++) {
		pthread_barrier_wait(&together);
		nap(20 * MS);
		__atomic_store_n(&word, (uint32_t)i + 1, __ATOMIC_RELAXED);
		futex_wake((int)(i % 2));
		pthread_barrier_wait(&together);
	}
	join_all(t);
	say(&futex_waits);
	say(&futex_wakes);
}

/* --- time and descriptors ---------------------------------------------------------- */

static struct tally sleeps = {"rest", "block", 0, 0};
static struct tally polls = {"look_out", "block", 0, 0};
static struct tally ios = {"fetch", "block", 0, 0};
static int pair[2];

NOINLINE void rest(int way)
{
	struct timespec ts = {0, 3 * MS};
	uint64_t from = now();

	if (way == 0)
		usleep(3000);
	else if (way == 1)
		nanosleep(&ts, NULL);
	else if (way == 2)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	else
		thrd_sleep(&ts, NULL);
	count(&sleeps, from, now());
}

static void resting(void)
{
	for (unsigned long i = 0; i < rounds; i++)
		rest((int)(i % 4));
	say(&sleeps);
}

NOINLINE void look_out(int way)
{
	struct timespec ts = {0, 3 * MS};
	struct timeval tv = {0, 3000};
	struct pollfd p = {pair[0], POLLIN, 0};
	struct epoll_event e;
	int ep = epoll_create1(0), n = 0;
	uint64_t from = now();

	switch (way) {
	case 0:
		n = poll(&p, 1, 3);
		break;
	case 1:
		n = ppoll(&p, 1, &ts, NULL);
		break;
	case 2:
		n = select(0, NULL, NULL, NULL, &tv);
		break;
	case 3:
		n = pselect(0, NULL, NULL, NULL, &ts, NULL);
		break;
	case 4:
		n = epoll_wait(ep, &e, 1, 3);
		break;
	case 5:
		n = epoll_pwait(ep, &e, 1, 3, NULL);
		break;
	default:
		n = epoll_pwait2(ep, &e, 1, &ts, NULL);
	}
	count(&polls, from, now());
	must(n ? EINVAL : 0);
	close(ep);
}

static void looking(void)
{
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ? errno : 0);
	for (unsigned long i = 0; i < rounds; i++)
		look_out((int)(i % 7));
	say(&polls);
}

NOINLINE void fetch(int way)
{
	char c;
	struct iovec v = {&c, 1};
	struct mmsghdr mm = {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}};
	uint64_t from = now();

	if ((way == 0	? read(pair[0], &c, 1)
	     : way == 1 ? readv(pair[0], &v, 1)
	     : way == 2 ? recv(pair[0], &c, 1, 0)
	     : way == 3 ? recvfrom(pair[0], &c, 1, 0, NULL, NULL)
	     : way == 4 ? recvmsg(pair[0], &mm.msg_hdr, 0)
			: recvmmsg(pair[0], &mm, 1, 0, NULL)) != 1)
		must(EIO);
	count(&ios, from, now());
}

static void *sends(void *arg)
{
	for (unsigned long i = 0; i < rounds; i++) {
		nap(4 * MS);
		if (write(pair[1], "x", 1) != 1)
			must(errno);
	}
	return arg;
}

static void fetching(void)
{
	pthread_t t;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ? errno : 0);
	must(pthread_create(&t, NULL, sends, NULL));
	for (unsigned long i = 0; i < rounds; i++)
		fetch((int)(i % 6));
	must(pthread_join(t, NULL));
	say(&ios);
}

/* ------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct schedule schedules[] = {
		{"once", once_for_all},	 {"join", join_threads}, {"barrier", barriers},
		{"semaphore", pipeline}, {"futex", futexes},	 {"sleep", resting},
		{"poll", looking},	 {"read", fetching},
	};

	return run_schedule(argc, argv, schedules, sizeof(schedules) / sizeof(*schedules));
}
