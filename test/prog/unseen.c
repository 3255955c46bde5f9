/* SPDX-License-Identifier: MIT */
/*
 * unseen.c - what a thread that computes must not see of samples, and of the library
 *
 * Context  TEST: unseen pending | stack SIZE | fence | keys; the same must come out with the agent.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void compute(void)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 5;

	while (clock() < end)
		for (volatile int i = 0; i < 100000; i++)
			continue;
}

static void pending(void)
{
	sigset_t all, is;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	raise(SIGPROF);
	kill(getpid(), SIGPROF);
	raise(SIGTERM);
	for (int turn = 0; turn < 3; turn++) {
		compute();
		sigpending(&is);
		for (int sig = 1; sig <= 64; sig++)
			if (sigismember(&is, sig))
				printf("%d: %d is pending\n", turn, sig);
		for (int sig; !sigisemptyset(&is) && turn == 1; sigpending(&is)) {
			sigwait(&is, &sig);
			printf("took %d\n", sig);
		}
	}
}

static void off(int sig)
{
	const stack_t none = {.ss_flags = SS_DISABLE};

	printf("%d: %d\n", sig, sigaltstack(&none, NULL));
}

/* A handler's return brings back what it has changed, and a child of vfork has its own. */
static void disturb(void)
{
	signal(SIGUSR2, off);
	raise(SIGUSR2);
	if (vfork() == 0) {
		const stack_t none = {.ss_flags = SS_DISABLE};

		_exit(sigaltstack(&none, NULL));
	}
}

/* The host's own handlers, if it had any, would do with less than a sample does. */
static void stack(size_t size)
{
	const size_t around = 1 << 16;
	unsigned char *room = malloc(size + 2 * around);
	stack_t now = {.ss_sp = room + around, .ss_size = size}, was;
	stack_t *same = &was;
	size_t changed = 0;

	memset(room, 0xcc, size + 2 * around);
	printf("set: %d\n", sigaltstack(&now, &was));
	disturb();
	compute();
	if (fork() == 0) {
		compute();
		_Exit(0);
	}
	printf("nowhere: %d\n", sigaltstack((stack_t *)16, NULL));
	was.ss_flags = SS_DISABLE;
	printf("off: %d\n", sigaltstack(&was, same));
	printf("was: %d, of %zu\n", was.ss_flags, was.ss_size);
	for (size_t i = 0; i < size + 2 * around; i++)
		changed += room[i] != 0xcc && (i < around || i >= around + size);
	printf("changed: %zu\n", changed);
	compute();
}

/* Behind a filter that lets everything through. */
static void fence(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = {1, &all};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("fenced: %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
	printf("nowhere: %d\n", sigaltstack((stack_t *)16, NULL));
	compute();
}

static void *leave_byte(void *arg)
{
	printf("%s\n", strerror(pthread_setspecific(0, arg)));
	return NULL;
}

static void keys(void)
{
	char bytes[4096] = {0};
	pthread_key_t key;
	pthread_t t;

	pthread_create(&t, NULL, leave_byte, bytes);
	pthread_join(t, NULL);
	printf("%s\n", strerror(pthread_key_delete(0)));
	pthread_key_create(&key, NULL);
	printf("the first is %u\n", key);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 2)
		stack(strtoul(argv[2], NULL, 10));
	else if (argc > 1 && !strcmp(argv[1], "pending"))
		pending();
	else if (argc > 1 && !strcmp(argv[1], "fence"))
		fence();
	else
		keys();
	return 0;
}
