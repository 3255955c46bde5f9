/* SPDX-License-Identifier: MIT */
/*
 * children.c - a host that would notice a child that is not its own
 *
 * Says at SIGTERM how many SIGCHLDs it got, what wait answered all the time, and how many
 * descriptors were open at most beyond those at the start.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t chlds, ends;

static void on_chld(int sig)
{
	(void)sig;
	chlds++;
}

static void on_term(int sig)
{
	(void)sig;
	ends = 1;
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

int main(void)
{
	int before = descriptors(), found = 0;

	signal(SIGCHLD, on_chld);
	signal(SIGTERM, on_term);
	puts("ready");
	fflush(stdout);
	while (!ends) {
		void *p = malloc(1000);
		int status;

		found += waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD;
		free(p);
		usleep(100);
	}
	printf("chlds %d found %d descriptors %d\n", (int)chlds, found, descriptors() - before);
	return 0;
}
