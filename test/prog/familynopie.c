/* SPDX-License-Identifier: MIT */
/*
 * familynopie.c - family.c in a program that isn't position-independent
 *
 * Context  TEST: there the name malloc leads to the program's own PLT entry.
 */
// cflags: -no-pie -fno-pie
#include "family.c"
