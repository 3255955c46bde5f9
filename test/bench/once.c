/* SPDX-License-Identifier: MIT */
/*
 * once.c - runs a program, and says what it took
 *
 * usage: once DESCRIPTOR PROGRAM [ARGUMENT...]
 *
 * Writes "CPU KIB" to the descriptor: seconds with all its children's, and the largest
 * resident size of any of them. Ends with the program's status.
 * A small process of its own, since the kernel counts to the child what the parent was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? atoi(argv[1]) : -1;
	pid_t pid = argc > 2 ? fork() : -1;
	struct rusage used;
	int status;

	if (pid == 0) {
		close(fd);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 2;
	dprintf(fd, "%.6f %ld\n", seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
