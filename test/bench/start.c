/* SPDX-License-Identifier: MIT */
/*
 * start.c - what a library costs the start of a process
 *
 * usage: start COUNT PROGRAM LIBRARY...      "-" is no library
 *
 * Starts PROGRAM under each library in turn, COUNT times over, and prints for each
 * library the median of the microseconds from spawn to exit.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double run(char *program, const char *library)
{
	char preload[4096];
	char *env[] = {preload, "CPROF_LOG=none", NULL};
	char *argv[] = {program, NULL};
	double began = now_us();
	int status;
	pid_t pid;

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", strcmp(library, "-") ? library : "");
	if (posix_spawn(&pid, program, NULL, NULL, argv, env) || waitpid(pid, &status, 0) != pid ||
	    status) {
		fprintf(stderr, "start: %s does not run under %s\n", program, library);
		exit(1);
	}
	return now_us() - began;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long count = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	int libraries = argc - 3;
	double *took;

	if (count < 1)
		return 2;
	took = calloc((size_t)libraries * (size_t)count, sizeof(*took));
	for (long i = 0; took && i < count; i++)
		for (int lib = 0; lib < libraries; lib++)
			took[lib * count + i] = run(argv[2], argv[3 + lib]);
	for (int lib = 0; took && lib < libraries; lib++) {
		qsort(took + lib * count, (size_t)count, sizeof(*took), ascending);
		printf("%.1f\n", took[lib * count + count / 2]);
	}
	free(took);
	return 0;
}
