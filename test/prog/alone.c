/* SPDX-License-Identifier: MIT */
/*
 * alone.c - a program that goes into namespaces only one thread may enter
 *
 *   alone line     for each line of its input one: prints what came of it, and how long it took
 *   alone storm    25 of them, while it asks itself for a snapshot every millisecond
 *
 * Prints `unshare ERRNO MS`, and `time ERRNO` of an attempt to enter its own time namespace.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* In there somebody has to be who he was outside, or the next one can't be entered. */
static void enter(void)
{
	double began = now_ms();
	unsigned uid = getuid(), gid = getgid();
	char map[32];
	int r;

	errno = 0; /* what is granted leaves it alone */
	r = unshare(CLONE_NEWUSER);
	printf("unshare %d %.0f\n", errno, now_ms() - began);
	if (!r) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_to("/proc/self/uid_map", map);
		write_to("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", gid);
		write_to("/proc/self/gid_map", map);
	}
	fflush(stdout);
}

static void enter_time(void)
{
	int fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);

	printf("time %d\n", setns(fd, CLONE_NEWTIME) ? errno : 0);
	fflush(stdout);
}

static void ask(int sig)
{
	(void)sig;
	raise(SIGUSR1);
}

static void storm(void)
{
	struct itimerval each = {{0, 1000}, {0, 1000}}, none = {{0, 0}, {0, 0}};

	signal(SIGALRM, ask);
	setitimer(ITIMER_REAL, &each, NULL);
	for (int i = 0; i < 25; i++)
		enter();
	setitimer(ITIMER_REAL, &none, NULL);
}

int main(int argc, char **argv)
{
	char line[16];

	if (argc > 1 && !strcmp(argv[1], "storm")) {
		storm();
		return 0;
	}
	enter_time();
	while (fgets(line, sizeof(line), stdin))
		enter();
	return 0;
}
