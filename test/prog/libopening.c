/* SPDX-License-Identifier: MIT */
/*
 * libopening.c - a library whose thread is in dlopen till main begins
 *
 * Context  TEST: preloaded. Its thread opens libopened.so of the same directory, whose
 *          constructor, under the loader's lock, waits for main to call opening_done.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sem_t opening_inside, opening_go;
static pthread_t thread; /* and an address in here */

static void *opens(void *arg)
{
	char path[4096] = "";
	Dl_info in;

	if (!dladdr(&thread, &in) || strlen(in.dli_fname) + 16 > sizeof(path))
		abort();
	strcpy(strrchr(strcpy(path, in.dli_fname), '/'), "/libopened.so");
	if (!dlopen(path, RTLD_NOW))
		abort();
	return arg;
}

__attribute__((constructor)) static void begin(void)
{
	sem_init(&opening_inside, 0, 0);
	sem_init(&opening_go, 0, 0);
	if (pthread_create(&thread, NULL, opens, NULL))
		abort();
	sem_wait(&opening_inside);
}

void opening_done(void)
{
	sem_post(&opening_go);
	pthread_join(thread, NULL);
}
