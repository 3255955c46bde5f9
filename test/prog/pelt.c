/* SPDX-License-Identifier: MIT */
/*
 * pelt.c - runs a program and pelts it with the agent's own signal until it ends
 *
 * usage: pelt PROGRAM...       its LD_PRELOAD is what PELTED_PRELOAD says
 *
 * Context  TEST: each of its threads gets SIGUSR1, thousands a second, from when it is
 *          handled. Without the agent nobody handles it, and none is sent. (A SIGPROF from
 *          outside would be the program's, and end it.)
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int is_ready(pid_t pid)
{
	char path[64], line[256];
	unsigned long caught = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SigCgt: %lx", &caught) == 1)
			break;
	if (f)
		fclose(f);
	return caught >> (SIGUSR1 - 1) & 1;
}

static long pelt_threads(pid_t pid)
{
	struct dirent *e;
	char path[64];
	long sent = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (atoi(e->d_name) > 0)
			sent += !syscall(SYS_tgkill, pid, atoi(e->d_name), SIGUSR1);
	if (d)
		closedir(d);
	return sent;
}

int main(int argc, char **argv)
{
	struct timespec pause = {0, 100000};
	const char *preload = getenv("PELTED_PRELOAD");
	int status = 0;
	long sent = 0;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (!pid) {
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		execvp(argv[1], argv + 1);
		_exit(98);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		nanosleep(&pause, NULL);
		if (is_ready(pid))
			sent += pelt_threads(pid);
	}
	fprintf(stderr, "pelted %ld times\n", sent);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}
