/* SPDX-License-Identifier: MIT */
/*
 * libopened.c - a library that takes long to open (libopening.c)
 *
 * Context  TEST: loaded by dlopen.
 */
#include <semaphore.h>

extern sem_t opening_inside, opening_go;

__attribute__((constructor)) static void begin(void)
{
	sem_post(&opening_inside);
	sem_wait(&opening_go);
}
