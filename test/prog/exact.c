/* SPDX-License-Identifier: MIT */
// libs: -lm
/*
 * exact.c - a program whose arithmetic traps where it isn't exact, and which allocates and
 * locks meanwhile
 *
 * Context  TEST: prints what floating-point arithmetic has met; the same must come out with
 *          the agent.
 */
#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void work(void)
{
	for (size_t i = 0; i < 3000; i++) {
		void *p = malloc(i * 7);

		pthread_mutex_lock(&lock);
		if (i % 1000 == 0)
			usleep(20000);
		pthread_mutex_unlock(&lock);
		p = realloc(p, i * 11 + 1);
		free(p);
	}
}

static void *thread(void *arg)
{
	feclearexcept(FE_ALL_EXCEPT);
	if (arg)
		feenableexcept(FE_ALL_EXCEPT);
	work();
	printf("met: %#x\n", (unsigned)fetestexcept(FE_ALL_EXCEPT));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[2];
	int status = 0;
	void *traps = argc > 1 && !strcmp(argv[1], "traps") ? argv : NULL;

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, thread, traps);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* It ends so, and another process: what is begun then has this thread's traps. */
	if (traps)
		feenableexcept(FE_ALL_EXCEPT);
	fflush(stdout);
	if (fork() == 0)
		exit(3);
	wait(&status);
	printf("the child: %d\n", status);
	return 0;
}
