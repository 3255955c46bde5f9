/* SPDX-License-Identifier: MIT */
/*
 * forkedwalk.c - children of a handler, which go on where it came in between: forkedwalk TIMES
 *
 * Context  TEST: with the agent every allocation is a walk, so most children come to life in
 *          one. Each returns from the handler, allocates a few times more, and ends; prints
 *          how many of them ended otherwise.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEPTH = 90, MORE = 3 };

static volatile sig_atomic_t forked, otherwise, is_child;

static void on_alarm(int sig)
{
	int status = 0;
	pid_t pid;

	(void)sig;
	if (is_child)
		return;
	pid = _Fork(); /* the heap's locks are the child's too: nobody else has them */
	if (!pid) {
		is_child = 1;
		return;
	}
	forked++;
	otherwise += pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

static int deep(int depth)
{
	if (depth)
		return deep(depth - 1) + 1;
	free(malloc(100));
	if (is_child && is_child++ > MORE)
		_exit(0);
	return 0;
}

int main(int argc, char **argv)
{
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	int times = argc > 1 ? atoi(argv[1]) : 100;
	volatile int sum = 0;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (forked < times || is_child)
		sum += deep(DEPTH);
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%d ended otherwise\n", (int)otherwise);
	return otherwise != 0;
}
