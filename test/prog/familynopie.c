/* SPDX-License-Identifier: MIT */
/*
 * familynopie.c - family.c in a program that isn't position-independent
 *
 * Context  TEST: there the name malloc leads to the program's own PLT entry.
 */
// cflags: -no-pie -fno-pie
#include "family.c"

/* An address that is part of an instruction can't be filled in by the loader. */
__attribute__((constructor)) static void take_addresses(void)
{
	__asm__ volatile("" : : "r"(malloc), "r"(calloc), "r"(realloc), "r"(free));
}
