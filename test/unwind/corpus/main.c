/* SPDX-License-Identifier: MIT */
/*
 * main.c - runs every scene, twice: PLT entries are bound at the first call
 *
 * Context  TEST: a program of the stepped corpus.
 */
#include "corpus.h"

#include <dlfcn.h>
#include <stdio.h>

void (*step_on)(void);

int main(void)
{
	long sum = 0;

	*(void **)&step_on = dlsym(RTLD_DEFAULT, "step_on");
	for (long round = 1; round <= 2; round++) {
		sum += scene_frames(round + 3);
		sum += scene_calls(round + 2);
		sum += scene_jumps(round);
		sum += scene_signals(round);
		sum += scene_contexts(round + 1);
		sum += scene_vectors(round);
		sum += scene_assembler(round);
	}
	sum += scene_exceptions(1);
	printf("%ld\n", sum);
	return 0;
}
