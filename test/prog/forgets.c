/* SPDX-License-Identifier: MIT */
/*
 * forgets.c - is what a thread was given still in the variables of a preloaded library, once the
 * thread has ended?
 *
 * usage: forgets LIBRARY      status 1: it is; 2: LIBRARY has none
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIVEN (~0x5ca1ab1e0badcafeUL) /* never as it is in this program's own data */

static void *ends(void *arg)
{
	return arg;
}

static int holds(uintptr_t from, uintptr_t to)
{
	for (uintptr_t at = from; at < to; at += sizeof(uint64_t))
		if (~*(volatile uint64_t *)at == ~GIVEN)
			return 1;
	return 0;
}

/* Its writable segment, and the rest of it that no file is behind. */
static int search(const char *library)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uintptr_t from, to, last = 0;
	char line[4096], may[5];
	int found = 2;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, may) != 3)
			continue;
		if (strstr(line, library) || (from == last && !strchr(line, '/'))) {
			last = to;
			if (may[1] == 'w')
				found = found == 1 || holds(from, to);
		}
	}
	return found;
}

int main(int argc, char **argv)
{
	pthread_t t;

	for (int i = 0; i < 10; i++)
		if (pthread_create(&t, NULL, ends, (void *)GIVEN) || pthread_join(t, NULL))
			return 3;
	return argc > 1 ? search(argv[1]) : 3;
}
