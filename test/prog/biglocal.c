/* SPDX-License-Identifier: MIT */
/*
 * biglocal.c - a program with so much of thread-local variables: BYTES of them
 *
 * Context  TEST: libc puts them onto the stack of each thread, ours too. Waits for its end.
 */
#include <string.h>
#include <unistd.h>

#ifndef BYTES
#define BYTES 100
#endif

static __thread char big[BYTES];

int main(void)
{
	memset(big, 1, sizeof(big));
	pause();
	return big[BYTES / 2];
}
