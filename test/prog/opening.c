/* SPDX-License-Identifier: MIT */
/*
 * opening.c - main begins while a library's thread is in dlopen (libopening.c)
 *
 * Context  TEST
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

extern void opening_done(void) __attribute__((weak));

int main(void)
{
	void *p = malloc(10);

	printf("main, %s\n", malloc_usable_size(p) >= 10 ? "enough" : "too little");
	free(p);
	if (!opening_done)
		return 2;
	opening_done();
	puts("opened");
	return 0;
}
