// SPDX-License-Identifier: MIT
// httphost.c - a program with little to do: allocates a little, for ever, on one thread
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *kept[512], *little[512];

__attribute__((noinline)) void *keep_some(unsigned i)
{
	void *p = malloc(900 + i % 200);

	memset(p, 1, 900);
	return p;
}

__attribute__((noinline)) void *keep_little(unsigned i)
{
	void *p = malloc(200 + i % 50);

	memset(p, 1, 200);
	return p;
}

__attribute__((noinline)) void work(unsigned i)
{
	free(kept[i % 512]);
	kept[i % 512] = keep_some(i);
	free(little[i % 512]);
	little[i % 512] = keep_little(i);
}

int main(void)
{
	for (unsigned i = 0;; i++) {
		work(i);
		if (i % 256 == 0)
			usleep(1000);
	}
}
