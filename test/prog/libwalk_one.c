/* SPDX-License-Identifier: MIT */
/*
 * libwalk_one.c - a library that calls back, to be loaded and unloaded
 *
 * Context  TEST: test/unit/test_walk_modules.c
 */
void call_back(void (*fn)(void));
int library_one = 1;

void call_back(void (*fn)(void))
{
	fn();
	__asm__ volatile("" ::: "memory"); /* not a tail call */
}
