/* SPDX-License-Identifier: MIT */
/*
 * libwalk_two.c - a library that calls back, to be loaded and unloaded
 *
 * Context  TEST: test/unit/test_walk_modules.c
 */
void call_back(void (*fn)(void));
void in_front(void);
int library_two = 1;

/* Moves call_back away from where the other library has it. */
void in_front(void)
{
	__asm__ volatile(".skip 64, 0x90");
}

void call_back(void (*fn)(void))
{
	fn();
	__asm__ volatile("" ::: "memory"); /* not a tail call */
}
