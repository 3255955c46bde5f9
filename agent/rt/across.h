/* SPDX-License-Identifier: MIT */
/*
 * across.h - reads what is mapped, whatever it belongs to
 *
 * Context  ANY: the caller knows that every byte can be read.
 * Why      The walker reads across the objects that a compiler laid out: frames, tables,
 *          code. Sanitizers would call each an overflow, or a race; all else they watch.
 */
#ifndef CP_RT_ACROSS_H
#define CP_RT_ACROSS_H

#include "base.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* volatile: no compiler makes a memcpy of it, which is watched wherever it is called. */
__attribute__((no_sanitize("address", "thread"))) static inline void cp_copy_across(
	void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}
#else
#define cp_copy_across memcpy
#endif

/* One plain load: the address may be any. */
CP_INLINE uintptr_t cp_word_across(uintptr_t addr)
{
	uintptr_t v;

	cp_copy_across(&v, (const void *)addr, sizeof(v));
	return v;
}

#endif
