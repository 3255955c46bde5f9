/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - the malloc family, as the host calls it
 *
 * Context  EARLY, HOST; SIGNAL where the host's own handlers allocate.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    Fast paths are a subtraction, or a look, and two jumps (test/cases/shape.sh).
 *          A _slow function is entered by a jump, so its caller is the host.
 *          A record leaves its table before the real free, since afterwards
 *          the address may be another thread's block.
 * Why      Twins X and X_slow: one function with both paths would save registers
 *          on the fast one.
 */
#include "../agent/probe.h"
#include "arena.h"
#include "boot.h"
#include "life.h"
#include "table.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* --- malloc and calloc ------------------------------------------------- */

static CP_NOINLINE void *malloc_slow(size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_malloc);
	void *p = cp_real.malloc(n);

	if (!idle)
		cp_probe_alloc(p, n, &caller);
	return p;
}

CP_EXPORT void *malloc(size_t n)
{
	if (cp_probe_hit(n))
		return malloc_slow(n);
	return cp_real.malloc(n);
}

static CP_NOINLINE void *calloc_slow(size_t n, size_t size)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_calloc);
	void *p = cp_real.calloc(n, size);

	if (!idle)
		cp_probe_alloc(p, n * size, &caller);
	return p;
}

CP_EXPORT void *calloc(size_t n, size_t size)
{
	size_t total;

	/* An overflow is for the real one to refuse. */
	if (!__builtin_mul_overflow(n, size, &total) && cp_probe_hit(total))
		return calloc_slow(n, size);
	return cp_real.calloc(n, size);
}

/* --- aligned ------------------------------------------------------------ */

static CP_NOINLINE void *memalign_slow(size_t align, size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_memalign);
	void *p = cp_real.memalign(align, n);

	if (!idle)
		cp_probe_alloc(p, n, &caller);
	return p;
}

CP_EXPORT void *memalign(size_t align, size_t n)
{
	if (cp_probe_hit(n))
		return memalign_slow(align, n);
	return cp_real.memalign(align, n);
}

static CP_NOINLINE void *aligned_alloc_slow(size_t align, size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_aligned_alloc);
	void *p = cp_real.aligned_alloc(align, n);

	if (!idle)
		cp_probe_alloc(p, n, &caller);
	return p;
}

CP_EXPORT void *aligned_alloc(size_t align, size_t n)
{
	if (cp_probe_hit(n))
		return aligned_alloc_slow(align, n);
	return cp_real.aligned_alloc(align, n);
}

static CP_NOINLINE int posix_memalign_slow(void **out, size_t align, size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_posix_memalign);
	int err = cp_real.posix_memalign(out, align, n);

	if (!idle)
		cp_probe_alloc(err ? NULL : *out, n, &caller);
	return err;
}

CP_EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
	if (cp_probe_hit(n))
		return posix_memalign_slow(out, align, n);
	return cp_real.posix_memalign(out, align, n);
}

static CP_NOINLINE void *valloc_slow(size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_valloc);
	void *p = cp_real.valloc(n);

	if (!idle)
		cp_probe_alloc(p, n, &caller);
	return p;
}

CP_EXPORT void *valloc(size_t n)
{
	if (cp_probe_hit(n))
		return valloc_slow(n);
	return cp_real.valloc(n);
}

static CP_NOINLINE void *pvalloc_slow(size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_pvalloc);
	void *p = cp_real.pvalloc(n);

	if (!idle)
		cp_probe_alloc(p, n, &caller);
	return p;
}

CP_EXPORT void *pvalloc(size_t n)
{
	if (cp_probe_hit(n))
		return pvalloc_slow(n);
	return cp_real.pvalloc(n);
}

/* --- realloc -------------------------------------------------------------- */

/* A block of the arena becomes one of the real allocator, which then answers
 * for everything realloc may be asked. */
static void *out_of_arena(void *p)
{
	size_t size = cp_shim_arena_size(p);
	void *to = cp_real.malloc(size);

	if (to)
		memcpy(to, p, size);
	return to;
}

/* On failure the host keeps the arena's block, and the copy is of no use. */
static void settle_lent(const void *lent, void *copy, const void *to, size_t n)
{
	int host_errno = errno;

	if (to || !n)
		cp_shim_arena_take_back(lent);
	else
		cp_real.free(copy);
	errno = host_errno;
}

/* The block whose record was taken: is it gone for good? On failure it is not;
 * NULL for no bytes at all means that it was freed. */
static void settle(struct cp_live taken, const void *to, size_t n)
{
	if (to || !n)
		cp_probe_drop(taken);
	else
		cp_probe_put_back(taken);
}

static CP_NOINLINE void *realloc_slow(void *p, size_t n)
{
	struct cp_regs caller = CP_CALLER_REGS();
	bool idle = cp_shim_idle(CP_FN_COUNT);
	bool hit = cp_probe_hit(n);
	struct cp_live taken = {0};
	void *to, *lent = NULL;

	if (p && cp_probe_marked(p)) {
		if (!cp_shim_arena_owns(p))
			taken = cp_probe_take(p);
		else if (!(p = out_of_arena(lent = p)))
			return NULL;
	}
	to = cp_real.realloc(p, n);
	settle(taken, to, n);
	if (lent)
		settle_lent(lent, p, to, n);
	if (hit && !idle)
		cp_probe_alloc(to, n, &caller);
	return to;
}

CP_EXPORT void *realloc(void *p, size_t n)
{
	if (cp_probe_marked(p) || cp_probe_hit(n))
		return realloc_slow(p, n);
	return cp_real.realloc(p, n);
}

/* glibc's reallocarray calls realloc, which is ours; others have their own: to
 * do the multiplication here makes all of them the same. But where we go on to what comes
 * after us, realloc may be the one's before us. */
CP_EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total) ||
	    (cp_shim_boot() && cp_shim_whose_malloc() > CP_OUTER_ALLOCATOR))
		return cp_real.reallocarray(p, n, size);
	if (cp_probe_marked(p) || cp_probe_hit(total))
		return realloc_slow(p, total);
	return cp_real.realloc(p, total);
}

/* --- free ------------------------------------------------------------------ */

static CP_NOINLINE void free_slow(void *p)
{
	if (cp_shim_arena_take_back(p))
		return;
	cp_probe_free(p);
	cp_real.free(p);
}

CP_EXPORT void free(void *p)
{
	if (cp_probe_marked(p))
		return free_slow(p);
	return cp_real.free(p);
}

CP_EXPORT void cfree(void *p)
{
	if (cp_probe_marked(p))
		return free_slow(p);
	return cp_real.cfree(p);
}

static CP_NOINLINE void free_sized_slow(void *p, size_t n)
{
	if (cp_shim_arena_take_back(p))
		return;
	cp_probe_free(p);
	cp_real.free_sized(p, n);
}

CP_EXPORT void free_sized(void *p, size_t n)
{
	if (cp_probe_marked(p))
		return free_sized_slow(p, n);
	return cp_real.free_sized(p, n);
}

static CP_NOINLINE void free_aligned_sized_slow(void *p, size_t align, size_t n)
{
	if (cp_shim_arena_take_back(p))
		return;
	cp_probe_free(p);
	cp_real.free_aligned_sized(p, align, n);
}

CP_EXPORT void free_aligned_sized(void *p, size_t align, size_t n)
{
	if (cp_probe_marked(p))
		return free_aligned_sized_slow(p, align, n);
	return cp_real.free_aligned_sized(p, align, n);
}

CP_EXPORT size_t malloc_usable_size(void *p)
{
	if (CP_UNLIKELY(cp_load_rlx(&cp_shim_arena_lent)) && cp_shim_arena_owns(p))
		return cp_shim_arena_size(p);
	return cp_real.malloc_usable_size(p);
}
