/* SPDX-License-Identifier: MIT */
/*
 * stubs.c - what cp_real points at until the real functions are known
 *
 * Context  EARLY, ANY
 * Shared   cp_real: starts here, each slot replaced once by boot.c.
 * Holds    Allocations made while the table is being resolved come from the
 *          arena, whichever thread makes them: nobody waits, so nobody can wait
 *          for a loader lock held by one who waits for us.
 * Fails    A foreign block freed in that instant is leaked; to grow one fails
 *          with ENOMEM, since its size can't be known.
 */
#include "../agent/rt/atomic.h"
#include "arena.h"
#include "boot.h"
#include "table.h"

#include <errno.h>
#include <string.h>

static void *zeroed(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return cp_shim_arena_alloc(1, total);
}

static void *moved(void *p, size_t n)
{
	void *to;

	if (p && !cp_shim_arena_owns(p)) {
		errno = ENOMEM;
		return NULL;
	}
	to = cp_shim_arena_alloc(1, n);
	if (to && p) {
		memcpy(to, p, CP_MIN(n, cp_shim_arena_size(p)));
		cp_shim_arena_take_back(p);
	}
	return to;
}

static void *moved_array(void *p, size_t n, size_t size)
{
	size_t total;

	if (!__builtin_mul_overflow(n, size, &total))
		return moved(p, total);
	errno = ENOMEM;
	return NULL;
}

static int aligned_out(void **out, size_t align, size_t n)
{
	int host_errno = errno;
	void *p;

	if (align < sizeof(void *) || (align & (align - 1)))
		return EINVAL;
	p = cp_shim_arena_alloc(align, n);
	errno = host_errno;
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

/* One stub: the real function when it is known, the arena otherwise. */
#define ALLOC(name, params, args, arena)                                            \
	static void *boot_##name params                                             \
	{                                                                           \
		return cp_shim_boot_by(CP_FN_##name) ? cp_real.name args : (arena); \
	}
#define RELEASE(name, result, params, args, ...) \
	static void boot_##name params           \
	{                                        \
		if (cp_shim_boot())              \
			cp_real.name args;       \
	}

/* Resolves this slot alone: a look-up that succeeds doesn't allocate. To resolve all tries out an
 * allocator before ours, which may be who calls, with its lock held: that would never end. */
#define PLAIN(name, result, params, args, ...)                                            \
	static result boot_##name params                                                  \
	{                                                                                 \
		cp_store_rlx(&cp_real.slot[CP_FN_##name], cp_shim_resolve(CP_FN_##name)); \
		return cp_real.name args;                                                 \
	}

ALLOC(malloc, (size_t n), (n), cp_shim_arena_alloc(1, n))
ALLOC(calloc, (size_t n, size_t size), (n, size), zeroed(n, size))
ALLOC(realloc, (void *p, size_t n), (p, n), moved(p, n))
ALLOC(reallocarray, (void *p, size_t n, size_t size), (p, n, size), moved_array(p, n, size))
ALLOC(memalign, (size_t align, size_t n), (align, n), cp_shim_arena_alloc(align, n))
ALLOC(aligned_alloc, (size_t align, size_t n), (align, n), cp_shim_arena_alloc(align, n))
ALLOC(valloc, (size_t n), (n), cp_shim_arena_alloc(CP_PAGE, n))
ALLOC(pvalloc, (size_t n), (n), cp_shim_arena_alloc(CP_PAGE, CP_ALIGN_UP(n, CP_PAGE)))

static int boot_posix_memalign(void **out, size_t align, size_t n)
{
	return cp_shim_boot() ? cp_real.posix_memalign(out, align, n) : aligned_out(out, align, n);
}

static size_t boot_malloc_usable_size(void *p)
{
	return cp_shim_boot() ? cp_real.malloc_usable_size(p) : 0;
}

RELEASE(free, void, (void *p), (p))
RELEASE(cfree, void, (void *p), (p))
RELEASE(free_sized, void, (void *p, size_t n), (p, n))
RELEASE(free_aligned_sized, void, (void *p, size_t align, size_t n), (p, align, n))
CP_DELETE_TABLE(RELEASE)

#define SIMPLE(name, result, params, args, ...) ALLOC(name, params, args, cp_shim_arena_alloc(1, n))
#define ALIGNED(name, result, params, args, ...) \
	ALLOC(name, params, args, cp_shim_arena_alloc(align, n))
CP_NEW_SIMPLE_TABLE(SIMPLE)
CP_NEW_ALIGNED_TABLE(ALIGNED)

CP_PLAIN_TABLE(PLAIN)
CP_WAIT_TABLE(PLAIN)
CP_OLD_TABLE(PLAIN)

union cp_real cp_real CP_HOT_PAGE = {{
#define F(name, ...) .name = boot_##name,
	CP_TABLE(F) CP_OLD_TABLE(F)
#undef F
}};
