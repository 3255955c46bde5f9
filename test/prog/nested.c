/* SPDX-License-Identifier: MIT */
/*
 * nested.c - forks within a fork, as a handler of SIGCHLD may that starts a server anew
 *
 * Context  TEST: prints which signals are blocked; the same must come out with the agent.
 * Why      What libc runs after a fork comes in the order of the asking: so who asks before
 *          any constructor is called while the fork is still going on for everybody else.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int depth;

static void tell(const char *who)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("%s blocks:", who);
	for (int sig = 1; sig < 65; sig++)
		if (sigismember(&now, sig) == 1)
			printf(" %d", sig);
	puts("");
	fflush(stdout);
}

static void forks_again(void)
{
	pid_t pid;

	if (depth++)
		return;
	wait(NULL); /* the child has told */
	pid = fork();
	if (pid == 0) {
		tell("the inner child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void first_of_all(void)
{
	pthread_atfork(NULL, forks_again, NULL);
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const before_all)(void) = first_of_all;

int main(void)
{
	for (int round = 0; round < 2; round++) {
		depth = 0;
		if (fork() == 0) {
			tell("the child");
			_exit(0);
		}
		tell("the parent");
	}
	return 0;
}
