/* SPDX-License-Identifier: MIT */
// libs: -lpthread
/*
 * stuck.c - threads whose waits don't end until they are told to
 *
 * usage: stuck [N]    one each for a mutex, a condition and a semaphore, one that jumped out of
 *                     a wait and sleeps, one that is interrupted in its wait by a handler that
 *                     waits too; with N: instead of them N threads that wait for a semaphore
 *
 * Prints "there" when all wait; at SIGUSR2 lets them go and prints for each function how long
 * it waited, in ns by its own clock; then stays until SIGTERM.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include "waits.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem, never, crowd, inside;
static int come;
static uint64_t began;
static sigjmp_buf out;

static struct tally tallies[] = {
	{"stuck_in_mutex", "block", 0, 0}, {"stuck_in_cond", "block", 0, 0},
	{"stuck_in_sem", "block", 0, 0},   {"interrupted", "block", 0, 0},
	{"handles", "block", 0, 0},
};

NOINLINE void stuck_in_mutex(void)
{
	must(pthread_mutex_lock(&lock));
	must(pthread_mutex_unlock(&lock));
}

NOINLINE void stuck_in_cond(void)
{
	must(pthread_mutex_lock(&cond_lock));
	while (!come)
		must(pthread_cond_wait(&cond, &cond_lock));
	must(pthread_mutex_unlock(&cond_lock));
}

NOINLINE void stuck_in_sem(void)
{
	must(sem_wait(&sem));
	__asm__ volatile("");
}

NOINLINE void interrupted(void)
{
	must(sem_wait(&sem));
	__asm__ volatile("");
}

/* In the thread that is interrupted; no call that a handler may not make. */
NOINLINE void handles(int sig)
{
	uint64_t from = now();

	(void)sig;
	must(sem_wait(&inside));
	count(&tallies[4], from, now());
}

static void jumps(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

NOINLINE void jumped(void)
{
	if (!sigsetjmp(out, 1))
		must(sem_wait(&never));
	for (;;)
		pause();
}

static void *waits(void *arg)
{
	static void (*const fn[])(void) = {stuck_in_mutex, stuck_in_cond, stuck_in_sem,
					   interrupted};
	uintptr_t i = (uintptr_t)arg;
	uint64_t from = now();

	fn[i]();
	count(&tallies[i], from, now());
	return NULL;
}

static void *leaves(void *arg)
{
	jumped();
	return arg;
}

static void *waits_in_crowd(void *arg)
{
	must(sem_wait(&crowd));
	return arg;
}

static void signal_to(pthread_t t, int sig, void (*fn)(int))
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = SA_RESTART};

	must(sigaction(sig, &sa, NULL));
	nap(50 * MS); /* it waits by then */
	must(pthread_kill(t, sig));
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	pthread_t t[4], u;
	sigset_t go;
	int sig;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &go, NULL);
	must(pthread_mutex_lock(&lock));
	began = now();
	for (uintptr_t i = 0; i < n; i++)
		must(pthread_create(&u, NULL, waits_in_crowd, NULL));
	for (uintptr_t i = 0; !n && i < 4; i++)
		must(pthread_create(&t[i], NULL, waits, (void *)i));
	if (!n) {
		must(pthread_create(&u, NULL, leaves, NULL));
		signal_to(u, SIGALRM, jumps);
		signal_to(t[3], SIGVTALRM, handles);
	}
	nap(50 * MS);
	puts("there");
	fflush(stdout);
	must(sigwait(&go, &sig));
	must(pthread_mutex_unlock(&lock));
	pthread_mutex_lock(&cond_lock);
	come = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&cond_lock);
	sem_post(&sem);
	sem_post(&inside);
	sem_post(&sem);
	for (int i = 0; !n && i < 4; i++)
		must(pthread_join(t[i], NULL));
	for (int i = 0; !n && i < 5; i++)
		say(&tallies[i]);
	puts("gone");
	fflush(stdout);
	for (;;)
		pause();
}
