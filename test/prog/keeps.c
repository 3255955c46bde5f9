/* SPDX-License-Identifier: MIT */
/*
 * keeps.c - what the kernel keeps of a process beside its memory, after a snapshot
 *
 * usage: keeps FD...        for each: a message queue is this descriptor
 *
 * Context  TEST: says whether a message that comes is told of, and whether it has the list of
 *          semaphores to undo (none) that its child has. The same must come out with the agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nap(void)
{
	struct timespec left = {0, 10000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* A directory's links: itself, its name, its directories. So this process has one thread. */
static void snapshot(void)
{
	struct stat sb;

	kill(getpid(), SIGUSR1);
	do
		nap();
	while (stat("/proc/self/task", &sb) || sb.st_nlink != 3);
}

static int queue_at(int fd)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	char name[32];
	int made;

	snprintf(name, sizeof(name), "/keeps.%d", (int)getpid());
	made = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
	if (made < 0)
		exit(77);
	mq_unlink(name);
	if (made != fd) {
		dup2(made, fd);
		close(made);
	}
	return fd;
}

/* Blocked, so that it is there at once or not at all. */
static void is_told(int fd)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct timespec now = {0, 0};
	int queue = queue_at(fd);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (mq_notify(queue, &event))
		exit(77);
	snapshot();
	mq_send(queue, "x", 1, 0);
	printf("%d: %s\n", fd, sigtimedwait(&set, NULL, &now) == SIGUSR2 ? "told" : "not told");
	close(queue);
}

static void same_undo(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	printf("undo %ld\n", syscall(SYS_kcmp, getpid(), pid, KCMP_SYSVSEM, 0, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	if (!getenv("CPROF_DIR"))
		signal(SIGUSR1, SIG_IGN);
	for (int i = 1; i < argc; i++)
		is_told(atoi(argv[i]));
	same_undo();
	return 0;
}
