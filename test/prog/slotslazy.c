/* SPDX-License-Identifier: MIT */
/*
 * slotslazy.c - slots.c, bound as it calls
 *
 * Context  TEST
 */
// cflags: -Wl,-z,lazy
#include "slots.c"
