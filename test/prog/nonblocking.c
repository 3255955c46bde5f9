/* SPDX-License-Identifier: MIT */
/*
 * nonblocking.c - reads a descriptor that blocks and one that doesn't; so does a forked child, in
 * which the first is the second
 *
 * Prints, a line each, its process and both numbers, and waits to be killed.
 *
 * Context  TEST
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void read_both(int blocks, int never, ssize_t answer)
{
	char c;

	if (read(blocks, &c, 1) != answer || read(never, &c, 1) != -1)
		_exit(1);
	printf("%d %d %d\n", getpid(), blocks, never);
	fflush(stdout);
}

int main(void)
{
	int blocks[2], never[2];

	if (pipe(blocks) || pipe2(never, O_NONBLOCK) || write(blocks[1], "x", 1) != 1)
		return 1;
	read_both(blocks[0], never[0], 1);
	if (fork() == 0) {
		dup2(never[0], blocks[0]);
		read_both(blocks[0], never[0], -1);
	}
	pause();
	return 0;
}
