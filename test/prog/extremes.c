/* SPDX-License-Identifier: MIT */
/*
 * extremes.c - allocations at the edges, and what they cost in resident memory
 *
 *   extremes calloc        one calloc of 1 GiB, untouched
 *   extremes small         70 MB in blocks of 32 to 128 bytes
 *   extremes churn N       N allocations and frees, 1,000 blocks live
 *   extremes children M N  M children, one after the other, of so many each
 *
 * Prints `rss KIB` at the end; churn prints `part I ns X rss KIB` ten times.
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *volatile sink;

static long rss_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

__attribute__((noinline)) static void small_blocks(void)
{
	unsigned long total = 70UL << 20;
	uint32_t x = 1;

	while (total > 128) {
		size_t size = 32 + (x = x * 1664525 + 1013904223) % 97;

		sink = memset(malloc(size), 1, size);
		total -= size;
	}
}

__attribute__((noinline)) static void churn_part(void **block, unsigned long n)
{
	static uint32_t x = 7;

	for (unsigned long i = 0; i < n; i++) {
		void **b = &block[(x = x * 1664525 + 1013904223) >> 8 & 1023];

		free(*b);
		*b = malloc(16 + (x >> 20));
	}
}

static void churn(unsigned long n)
{
	static void *block[1024];

	for (int part = 0; part < 10; part++) {
		double start = now_ns();

		churn_part(block, n / 10);
		printf("part %d ns %.1f rss %ld\n", part, (now_ns() - start) / ((double)n / 10),
		       rss_kib());
	}
}

/* Each as a server's that forks for every request: it ends by exit, with its blocks. */
static void children(unsigned long m, unsigned long n)
{
	static void *block[1024];

	for (unsigned long i = 0; i < m; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			churn_part(block, n);
			exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "calloc"))
		sink = calloc(1, 1UL << 30);
	else if (argc > 1 && !strcmp(argv[1], "small"))
		small_blocks();
	else if (argc > 2 && !strcmp(argv[1], "churn"))
		churn(strtoul(argv[2], NULL, 10));
	else if (argc > 3 && !strcmp(argv[1], "children"))
		children(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	else
		return 2;
	printf("rss %ld\n", rss_kib());
	return 0;
}
