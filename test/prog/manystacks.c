/* SPDX-License-Identifier: MIT */
/*
 * manystacks.c - allocates from 2^BITS call stacks, asks for a snapshot, and works on
 *
 * Context  TEST: manystacks BITS DIR: prints how often it allocated between asking and the
 *          file's being there, in thousands at least or not.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile kept;

static __attribute__((noinline)) void zero(unsigned path, int bits);
static __attribute__((noinline)) void one(unsigned path, int bits);

static inline void go(unsigned path, int bits)
{
	if (!bits) {
		kept = malloc(100);
		return;
	}
	if (path & 1)
		one(path >> 1, bits - 1);
	else
		zero(path >> 1, bits - 1);
	__asm__ volatile("");
}

static void zero(unsigned path, int bits)
{
	go(path, bits);
	__asm__ volatile("");
}

static void one(unsigned path, int bits)
{
	go(path, bits);
	__asm__ volatile("");
}

static int is_written(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int found = 0;

	while (d && (e = readdir(d)))
		found |= e->d_name[0] != '.' && strstr(e->d_name, ".heap.pb.gz");
	if (d)
		closedir(d);
	return found;
}

int main(int argc, char **argv)
{
	int bits = argc > 2 ? atoi(argv[1]) : 0;
	long worked = 0;

	for (unsigned path = 0; path < 1U << bits; path++)
		go(path, bits);
	raise(SIGUSR1);
	while (!is_written(argv[2]) && worked < 100000000) {
		for (int i = 0; i < 1000; i++)
			free(malloc(200));
		worked += 1000;
	}
	printf("%s\n", worked >= 5000 ? "worked on" : "stood still");
	return 0;
}
