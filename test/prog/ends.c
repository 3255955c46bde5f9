/* SPDX-License-Identifier: MIT */
/*
 * ends.c - processes that begin and end in every way
 *
 * Context  TEST: prints what it got; the same must come out with the agent.
 */
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile int stop;

static void *allocates(void *arg)
{
	while (!stop) {
		void *p[50];

		for (int i = 0; i < 50; i++)
			p[i] = malloc((size_t)i * 97);
		for (int i = 0; i < 50; i++)
			free(p[i]);
	}
	return arg;
}

static void use_heap(void)
{
	for (int i = 0; i < 2000; i++)
		free(realloc(malloc((size_t)i), (size_t)i * 3 + 1));
}

static void at_exit(void)
{
	free(malloc(100000));
	write(1, "atexit\n", 7);
}

static void child(int how)
{
	pthread_t t;

	use_heap();
	switch (how) {
	case 0:
		exit(10);
	case 1:
		_exit(11);
	case 2:
		_Exit(12);
	case 3:
		quick_exit(13);
	case 4:
		signal(SIGABRT, SIG_DFL);
		abort();
	case 5:
		raise(SIGKILL);
		break;
	case 6:
		raise(SIGTERM);
		break;
	case 7:
		stop = 0;
		pthread_create(&t, NULL, allocates, NULL);
		exit(17);
	case 8:
		execl("/bin/sh", "sh", "-c", "exit 18", NULL);
		break;
	case 9:
		syscall(SYS_exit_group, 19);
		break;
	case 10:
		at_quick_exit(at_exit);
		quick_exit(20);
	case 11:
		if (!fork())
			exit(0);
		wait(NULL);
		exit(21);
	case 12:
		*(volatile char *)0 = 1;
	}
}

static void reap(const char *what, int how, pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid)
		printf("%s %d: lost\n", what, how);
	printf("%s %d: exit %d signal %d\n", what, how,
	       WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	fflush(stdout);
}

static void forks(void)
{
	for (int how = 0; how <= 12; how++) {
		pid_t pid = fork();

		if (!pid)
			child(how);
		reap("fork", how, pid);
		if (how == 4)
			continue;
		pid = _Fork();
		if (!pid)
			child(how == 0 ? 1 : how);
		reap("_Fork", how, pid);
	}
}

static void vforks(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (!pid) {
			free(malloc(100)); /* not allowed, and done */
			signal(SIGUSR1, SIG_IGN);
			if (i % 2)
				_exit(30);
			execl("/bin/sh", "sh", "-c", "exit 31", NULL);
			_exit(32);
		}
		reap("vfork", i % 2, pid);
	}
	/* The child's doing was its own. */
	printf("SIGUSR1 default: %d\n", signal(SIGUSR1, SIG_DFL) == SIG_DFL);
}

static void helpers(void)
{
	char *argv[] = {"sh", "-c", "exit 40", NULL}, line[100] = "";
	pid_t pid;
	FILE *f;
	int fd;

	printf("posix_spawn %d\n", posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ));
	reap("posix_spawn", 0, pid);
	printf("system %d\n", WEXITSTATUS(system("exit 41")));
	f = popen("echo from popen", "r");
	printf("popen %s", fgets(line, sizeof(line), f) ? line : "nothing\n");
	printf("pclose %d\n", pclose(f));
	pid = forkpty(&fd, NULL, NULL, NULL);
	if (!pid)
		child(1);
	reap("forkpty", 0, pid);
	pid = fork();
	if (!pid) {
		use_heap();
		if (daemon(1, 1))
			_exit(1);
		use_heap();
		_exit(0);
	}
	reap("daemon", 0, pid);
}

static void among_threads(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, allocates, NULL);
	for (int i = 0; i < 20; i++) {
		pid_t pid = i % 2 ? fork() : _Fork();
		int status;

		if (!pid) {
			if (i % 2) /* after _Fork the heap's locks are anybody's */
				use_heap();
			_exit(3);
		}
		if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
			puts("a child was lost");
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	puts("among threads");
}

int main(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	setvbuf(stdout, NULL, _IOLBF, 0);
	forks();
	vforks();
	helpers();
	among_threads();
	atexit(at_exit);
	return 50;
}
