/* SPDX-License-Identifier: MIT */
/*
 * base.h - the few words every file of the agent uses
 *
 * Context  ANY: macros and types only.
 */
#ifndef CP_RT_BASE_H
#define CP_RT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CP_LIKELY(x)   __builtin_expect(!!(x), 1)
#define CP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CP_NOINLINE    __attribute__((noinline))
#define CP_INLINE      static inline __attribute__((always_inline))
#define CP_COLD	       __attribute__((cold, noinline))
/* Aligned so that a fast path lies in one of the blocks that the processor decodes at a time. */
#define CP_EXPORT	  __attribute__((visibility("default"), aligned(32)))
#define CP_PRINTF(a, b)	  __attribute__((format(printf, a, b)))
#define CP_ARRAY_LEN(a)	  (sizeof(a) / sizeof((a)[0]))
#define CP_MIN(a, b)	  ((a) < (b) ? (a) : (b))
#define CP_MAX(a, b)	  ((a) > (b) ? (a) : (b))
#define CP_ALIGN_UP(x, a) (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define CP_CACHE_LINE	  64
#define CP_PAGE		  4096UL

/* Our calls and samples run with cold caches: they cost the lines and pages that they are first
 * to touch. So what every wait reads is one line (HOT), and what other calls read lies behind it
 * (HOT_PAGE). Once the process has started hardly anything of this is written: forked processes
 * share the page with their parent, and find it in the cache. The samplers' own state, which is
 * written, is the page after it (WARM; shim/libcprof.lds; test/cases/shape.sh). */
#define CP_HOT	    __attribute__((section("cp_hot"), aligned(8)))
#define CP_HOT_PAGE __attribute__((section("cp_hot_page"), aligned(CP_CACHE_LINE)))
#define CP_WARM	    __attribute__((section("cp_warm"), aligned(8)))
/* Tables of which a process touches a page here and there, or none: out of the way of the few
 * pages of variables that each start touches. */
#define CP_SPARSE __attribute__((section(".bss.cp_sparse"), aligned(CP_CACHE_LINE)))
/* Prefetches what is needed soon, behind other work. p may point anywhere. */
#define CP_SOON(p) __builtin_prefetch(p)

/* A frame: which module the address belongs to, and the address. Bits 63..48
 * hold the module's id (module.h), bits 47..0 the address itself: already
 * minus one where it is a return address, so that it lies inside the call. */
typedef uint64_t cp_frame;
/* A stack: an offset into the stack table (stack.h); 0 is no stack. */
typedef uint32_t cp_sid;

#define CP_FRAME_ADDR_BITS 48
#define CP_FRAME_ADDR_MASK ((1ULL << CP_FRAME_ADDR_BITS) - 1)

CP_INLINE cp_frame cp_frame_make(unsigned module, uintptr_t addr)
{
	return (uint64_t)module << CP_FRAME_ADDR_BITS | ((uint64_t)addr & CP_FRAME_ADDR_MASK);
}

CP_INLINE uintptr_t cp_frame_addr(cp_frame f)
{
	return (uintptr_t)(f & CP_FRAME_ADDR_MASK);
}

CP_INLINE unsigned cp_frame_module(cp_frame f)
{
	return (unsigned)(f >> CP_FRAME_ADDR_BITS);
}

/* Frames nobody executed: they say in a profile what could not be recorded. */
enum cp_synth {
	CP_SYNTH_TABLE_FULL = 1,  /* no room for this stack or cell */
	CP_SYNTH_TRUNCATED,	  /* deeper than the walker goes */
	CP_SYNTH_NO_STACK,	  /* the walk found no frame at all */
	CP_SYNTH_SIGNALS_BLOCKED, /* CPU time no signal could come in */
	CP_SYNTH_THREADS_GONE,	  /* CPU time of threads nobody saw while they were there */
	CP_SYNTH_CPROF,		  /* CPU time of the agent's own threads */
	CP_SYNTH_LAST
};
#define CP_MODULE_SYNTH 0xffffU

CP_INLINE cp_frame cp_frame_synth(enum cp_synth s)
{
	return cp_frame_make(CP_MODULE_SYNTH, 0x1000 + (uintptr_t)s);
}

#endif
