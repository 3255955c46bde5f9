/* SPDX-License-Identifier: MIT */
/*
 * cxx.c - operator new and delete, as the host calls them
 *
 * Context  EARLY: cp_shim_cxx_choose      HOST: the operators
 * Calls    cp_real, probe.h, slots.h
 * Shared   st: written by cp_shim_cxx_choose before the operators are published
 *          in cp_real, read only after.
 * Holds    Each allocation is counted once, here or in the malloc below, never
 *          in both. What new gave, the matching delete and free can take.
 *          One that nobody has after us can't be found: nothing calls it yet, and what is loaded
 *          later brings its own, which are not always malloc's.
 * Why      An allocator's own operators don't pass by malloc, and libstdc++'s would be the leaf
 *          of every stack. Three ways behind each operator:
 *          OWN      the allocator's own, which keeps its speed and its sizes;
 *          GENERIC  malloc, as libstdc++ does; libstdc++ itself is asked only
 *                   when memory runs out, so that new_handler and bad_alloc
 *                   are as ever;
 *          FORWARD  the host replaces one of them, in the program or a library: its
 *                   own are untouched, libstdc++'s others lead to these, and
 *                   all are counted where they call malloc.
 */
#include "cxx.h"

#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "arena.h"
#include "boot.h"
#include "lookup.h"
#include "life.h"
#include "slots.h"

#include <string.h>
#include <sys/auxv.h>

enum way { OWN, GENERIC, FORWARD };

#define NEW_FIRST  CP_FN__Znwm
#define NEW_END	   CP_FN__ZdlPv
#define DELETE_END CP_FN_pthread_create
#define SLOT(name) (CP_FN_##name - NEW_FIRST)
#define OPERATORS  (DELETE_END - NEW_FIRST)

static struct {
	uint8_t way[OPERATORS];
	void *real[OPERATORS];	/* where OWN and FORWARD go; GENERIC: its own function */
	void *other[OPERATORS]; /* what comes after us, whatever the way: GENERIC's last resort */
} st;

static void *try_simple(size_t n)
{
	return cp_real.malloc(n + !n);
}

/* aligned_alloc wants whole multiples. What is no alignment is left to the
 * last resort to refuse. */
static void *try_aligned(size_t n, size_t align)
{
	if (!align || (align & (align - 1)) || n > SIZE_MAX - align)
		return NULL;
	align = CP_MAX(align, sizeof(void *));
	return cp_real.aligned_alloc(align, CP_ALIGN_UP(n + !n, align));
}

/* --- new ---------------------------------------------------------------- */

/* generic_X  malloc first, then whoever can throw.
 * forward_X  gives back what the fast path deducted: the host's operator calls
 *            malloc, and that counts.
 * X_slow     a hit. Out of memory the last resort calls malloc itself, and
 *            that counts.
 * X          what the host calls. */
#define NEW(name, params, args, attempt)                               \
	static CP_COLD void *last_resort_##name params                 \
	{                                                              \
		__typeof__(cp_real.name) other = st.other[SLOT(name)]; \
                                                                       \
		return other ? other args : NULL;                      \
	}                                                              \
	static void *generic_##name params                             \
	{                                                              \
		void *p = attempt;                                     \
                                                                       \
		return CP_LIKELY(p) ? p : last_resort_##name args;     \
	}                                                              \
	static void *forward_##name params                             \
	{                                                              \
		__typeof__(cp_real.name) real = st.real[SLOT(name)];   \
                                                                       \
		cp_self.heap_left += n;                                \
		return real args;                                      \
	}                                                              \
	static CP_NOINLINE void *slow_##name params                    \
	{                                                              \
		struct cp_regs caller = CP_CALLER_REGS();              \
		bool idle = cp_shim_idle(CP_FN_COUNT);                 \
		__typeof__(cp_real.name) real = st.real[SLOT(name)];   \
		uint8_t way = st.way[SLOT(name)];                      \
		void *p;                                               \
                                                                       \
		if (idle && way != GENERIC)                            \
			return cp_real.name args;                      \
		if (way == FORWARD)                                    \
			return real args;                              \
		p = way == OWN ? real args : (attempt);                \
		if (!p && way == GENERIC)                              \
			return last_resort_##name args;                \
		if (!idle)                                             \
			cp_probe_alloc(p, n, &caller);                 \
		return p;                                              \
	}                                                              \
	CP_EXPORT void *name params                                    \
	{                                                              \
		if (cp_probe_hit(n))                                   \
			return slow_##name args;                       \
		return cp_real.name args;                              \
	}

#define NEW_SIMPLE(name, result, params, args, ...)  NEW(name, params, args, try_simple(n))
#define NEW_ALIGNED(name, result, params, args, ...) NEW(name, params, args, try_aligned(n, align))

CP_NEW_SIMPLE_TABLE(NEW_SIMPLE)
CP_NEW_ALIGNED_TABLE(NEW_ALIGNED)

/* --- delete ------------------------------------------------------------- */

#define DELETE(name, result, params, args, ...)    \
	static CP_NOINLINE void slow_##name params \
	{                                          \
		if (cp_shim_arena_take_back(p))    \
			return;                    \
		cp_probe_free(p);                  \
		cp_real.name args;                 \
	}                                          \
	CP_EXPORT void name params                 \
	{                                          \
		if (cp_probe_marked(p))            \
			return slow_##name args;   \
		return cp_real.name args;          \
	}

CP_DELETE_TABLE(DELETE)

/* --- choosing ------------------------------------------------------------ */

static void *const generic[] = {
#define F(name, ...) (void *)generic_##name,
	CP_NEW_TABLE(F)
#undef F
};

static void *const forward[] = {
#define F(name, ...) (void *)forward_##name,
	CP_NEW_TABLE(F)
#undef F
};

static const char *const names[] = {
#define F(name, ...) #name,
	CP_NEW_TABLE(F) CP_DELETE_TABLE(F)
#undef F
};

enum owner { NOBODY, ALLOCATOR, LIBRARY, HOST };

/* LIBRARY is libstdc++ or libc++ itself, whose operators stand on malloc. The program's
 * are not its allocator's even when it brings that along: it isn't constructed yet. Another copy
 * of us is nobody, to the first and to the second. */
static enum owner owner_of(void *fn)
{
	const char *path = "", *base;
	void *copy;

	if (!fn)
		return NOBODY;
	if (cp_shim_same_object(fn, (void *)getauxval(AT_PHDR)))
		return HOST;
	cp_shim_object_of(fn, &path);
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	if (!strncmp(base, "libstdc++", 9) || !strncmp(base, "libc++", 6))
		return LIBRARY;
	copy = cp_shim_next("cprof_here");
	if (copy && cp_shim_same_object(fn, copy))
		return NOBODY;
	return cp_shim_same_object(fn, (void *)cp_real.malloc) ? ALLOCATOR : HOST;
}

/* What takes its blocks: some allocators check that. */
static void *delete_of(unsigned slot, void **next)
{
	bool array = !strncmp(names[slot], "_Zna", 4), aligned = slot >= SLOT(_ZnwmSt11align_val_t);
	enum cp_fn fn = aligned ? array ? CP_FN__ZdaPvSt11align_val_t : CP_FN__ZdlPvSt11align_val_t
			: array ? CP_FN__ZdaPv
				: CP_FN__ZdlPv;

	return next[fn] ? next[fn] : (void *)cp_real.free;
}

/* Does this operator of the allocator's reach malloc or aligned_alloc by their public
 * names, which are ours? Then it would be counted twice. jemalloc's aligned ones do.
 * Small, medium and large take different ways through an allocator. All operators
 * are called alike: what comes after the parameters that one has is ignored. */
static bool calls_us(unsigned slot, void *fn, void **next)
{
	static const size_t sizes[] = {1, 5000, 100000};
	void *(*op_new)(size_t n, uintptr_t align_or_nothrow, const void *nothrow) = fn;
	void (*op_delete)(void *p, uintptr_t align) = delete_of(slot, next);
	const uint64_t plenty = UINT64_MAX / 2;
	uint64_t left = cp_self.heap_left;
	bool aligned = slot >= SLOT(_ZnwmSt11align_val_t), called = false;

	cp_real.free(cp_real.malloc(1)); /* what a first call does, is done */
	for (unsigned i = 0; i < CP_ARRAY_LEN(sizes); i++) {
		cp_self.heap_left = plenty;
		op_delete(op_new(sizes[i], aligned ? 64 : (uintptr_t)sizes, sizes), 64);
		called |= cp_self.heap_left != plenty;
	}
	cp_self.heap_left = left;
	return called;
}

/* One that stands before us, we never meet. */
static bool any_of_host(const enum owner *owner)
{
	for (unsigned i = 0; i < OPERATORS; i++)
		if (owner[i] == HOST ||
		    (owner[i] != NOBODY && owner_of(cp_shim_outer(names[i])) == HOST))
			return true;
	return false;
}

static enum way way_of(unsigned slot, enum owner owner, bool host, void **next)
{
	if (owner == HOST || (host && owner == LIBRARY))
		return FORWARD;
	/* What the host has may be behind a delete that is called there. */
	if (owner != ALLOCATOR || host || calls_us(slot, next[NEW_FIRST + slot], next))
		return GENERIC;
	return OWN;
}

static void choose_new(unsigned slot, enum way way, void **next)
{
	st.way[slot] = (uint8_t)way;
	st.real[slot] = way == GENERIC ? generic[slot] : *next;
	*next = way == FORWARD ? forward[slot] : st.real[slot];
}

/* The loader skips a symbol whose value is 0. A second copy of us hides all of its own. */
static void hide(const enum owner *owner)
{
	struct dl_phdr_info info = cp_object_own();
	uintptr_t *at[OPERATORS];
	struct cp_object own;
	size_t n = 0;

	if (!cp_object_read(&own, &info))
		return;
	for (unsigned i = 0; i < OPERATORS; i++) {
		ElfW(Sym) *sym = owner[i] == NOBODY ? cp_object_find(&own, names[i]) : NULL;

		if (sym)
			at[n++] = &sym->st_value;
	}
	cp_slots_write(&own, at, n, 0);
}

void cp_shim_cxx_choose(void **next, bool as_is, bool outer)
{
	bool second = cp_shim_outer("cprof_here"), host;
	enum owner owner[OPERATORS];

	memcpy(st.other, &next[NEW_FIRST], sizeof(st.other));
	for (unsigned i = 0; i < OPERATORS; i++)
		owner[i] = second ? NOBODY : owner_of(next[NEW_FIRST + i]);
	hide(owner);
	host = outer || (!as_is && any_of_host(owner));
	for (unsigned i = 0; i < OPERATORS; i++) {
		void **slot = &next[NEW_FIRST + i];
		bool kept = owner[i] != NOBODY && (as_is || owner[i] != LIBRARY || host);

		if (NEW_FIRST + i >= NEW_END)
			*slot = kept ? *slot : (void *)cp_real.free;
		else if (as_is && kept)
			choose_new(i, OWN, slot);
		else
			choose_new(i, way_of(i, owner[i], host, next), slot);
	}
}
