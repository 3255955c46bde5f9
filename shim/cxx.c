/* SPDX-License-Identifier: MIT */
/*
 * cxx.c - operator new and delete, as the host calls them
 *
 * Context  EARLY: cp_shim_cxx_choose      HOST: the operators
 * Calls    cp_real, probe.h; dlopen(RTLD_NOLOAD) and dladdr1 only when memory has run out, or
 *          for what the program replaces without a C++ library.
 * Shared   st: written by cp_shim_cxx_choose before the operators are published
 *          in cp_real, read only after; but for other (relaxed): found once, for good.
 * Holds    Each allocation is counted once, here or in the malloc below, never
 *          in both. What new gave, the matching delete and free can take.
 * Fails    No memory, and nobody to call new_handler or throw, neither a C++ library nor the
 *          caller's own: NULL.
 * Why      Ours, because in a C program that loads a C++ library later there is
 *          no other to find after us. Three ways behind each operator:
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
#include "life.h"
#include "object.h"

#include <dlfcn.h>
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
	void *real[OPERATORS];	      /* where OWN and FORWARD go; GENERIC: its own function */
	struct cp_outer_malloc outer; /* NULL: cp_real has what the host uses */
	void *host_new;		      /* which all of a program without a C++ library lead to */
	bool second;		      /* another copy of us stands first, and is who calls */
	void *other[OPERATORS]; /* what comes after us, whatever the way: for GENERIC's last resort
				 */
} st;

/* --- out of memory ------------------------------------------------------ */

/* What the caller's own library defines: it may have a C++ library within itself, whose operators
 * ours keep from it. Another's would throw through what the caller can't catch. */
static CP_COLD void *find_own(const char *name, void *caller)
{
	const struct link_map *map = cp_shim_map_of(caller);
	struct cp_object o = {.base = map ? map->l_addr : 0};
	ElfW(Sym) * sym;

	if (!map || st.second || cp_shim_same_object(caller, &cp_real) ||
	    !cp_object_read_dynamic(&o, map->l_ld))
		return NULL;
	sym = cp_object_find(&o, name);
	return sym ? (void *)(o.base + sym->st_value) : NULL;
}

/* The array's forms lead to the others: by a jump, after which we would be the caller. */
static CP_COLD void *find_own_new(const char *name, void *caller)
{
	char plain[64];

	memcpy(plain, name, CP_MIN(strlen(name) + 1, sizeof(plain)));
	plain[3] = 'w';
	return find_own(plain, caller);
}

/* A block that didn't come from malloc, our delete would not know. Where another malloc stands
 * before ours, nobody can tell. */
static CP_COLD void *unless_foreign(void *p, uint64_t left, void *caller)
{
	void (*release)(void *) = find_own("_ZdlPv", caller);

	if (!p || cp_self.heap_left != left || cp_shim_whose_malloc() != CP_OUTER_NONE)
		return p;
	if (release)
		release(p);
	return NULL;
}

static CP_COLD void *find_other(unsigned slot, const char *name)
{
	static const char *const libs[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
	void *fn = cp_load_rlx(&st.other[slot]);

	for (unsigned i = 0; !fn && i < CP_ARRAY_LEN(libs); i++) {
		void *lib = dlopen(libs[i], RTLD_LAZY | RTLD_NOLOAD);

		if (!lib)
			continue;
		fn = dlsym(lib, name);
		cp_real.dlclose(lib); /* its user, our caller, keeps it loaded */
		if (i == 0)	      /* libstdc++, which can't be unloaded */
			cp_store_rlx(&st.other[slot], fn);
	}
	return fn || slot >= SLOT(_ZnwmSt11align_val_t) ? fn : st.host_new;
}

static void *try_simple(size_t n)
{
	return (CP_UNLIKELY(st.outer.malloc) ? st.outer.malloc : cp_real.malloc)(n + !n);
}

/* aligned_alloc wants whole multiples. What is no alignment is left to the
 * last resort to refuse. */
static void *try_aligned(size_t n, size_t align)
{
	if (!align || (align & (align - 1)) || n > SIZE_MAX - align)
		return NULL;
	align = CP_MAX(align, sizeof(void *));
	return (CP_UNLIKELY(st.outer.aligned_alloc)
			? st.outer.aligned_alloc
			: cp_real.aligned_alloc)(align, CP_ALIGN_UP(n + !n, align));
}

/* --- new ---------------------------------------------------------------- */

/* In a function that the host called. */
#define WITHOUT_MEMORY(name, args)                                             \
	({                                                                     \
		void *by = __builtin_return_address(0);                        \
		void *got = last_resort_##name args;                           \
		__typeof__(cp_real.name) own =                                 \
			got ? NULL : (__typeof__(own))find_own_new(#name, by); \
		uint64_t left = cp_self.heap_left;                             \
                                                                               \
		own ? unless_foreign(own args, left, by) : got;                \
	})

/* generic_X  malloc first, then whoever can throw.
 * forward_X  gives back what the fast path deducted: the host's operator calls
 *            malloc, and that counts.
 * X_slow     a hit. Out of memory the last resort calls malloc itself, and
 *            that counts.
 * X          what the host calls. */
#define NEW(name, params, args, attempt)                                        \
	static CP_COLD void *last_resort_##name params                          \
	{                                                                       \
		__typeof__(cp_real.name) other = find_other(SLOT(name), #name); \
                                                                                \
		return other ? other args : NULL;                               \
	}                                                                       \
	static void *generic_##name params                                      \
	{                                                                       \
		void *p = attempt;                                              \
                                                                                \
		return CP_LIKELY(p) ? p : WITHOUT_MEMORY(name, args);           \
	}                                                                       \
	static void *forward_##name params                                      \
	{                                                                       \
		__typeof__(cp_real.name) real = st.real[SLOT(name)];            \
                                                                                \
		cp_self.heap_left += n;                                         \
		return real args;                                               \
	}                                                                       \
	static CP_NOINLINE void *slow_##name params                             \
	{                                                                       \
		struct cp_regs caller = CP_CALLER_REGS();                       \
		bool idle = cp_shim_idle(CP_FN_COUNT);                          \
		__typeof__(cp_real.name) real = st.real[SLOT(name)];            \
		uint8_t way = st.way[SLOT(name)];                               \
		void *p;                                                        \
                                                                                \
		if (idle && way != GENERIC)                                     \
			return cp_real.name args;                               \
		if (way == FORWARD)                                             \
			return real args;                                       \
		p = way == OWN ? real args : (attempt);                         \
		if (!p && way == GENERIC)                                       \
			return WITHOUT_MEMORY(name, args);                      \
		if (!idle)                                                      \
			cp_probe_alloc(p, n, &caller);                          \
		return p;                                                       \
	}                                                                       \
	CP_EXPORT void *name params                                             \
	{                                                                       \
		if (cp_probe_hit(n))                                            \
			return slow_##name args;                                \
		return cp_real.name args;                                       \
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

static void *const last_resort[] = {
#define F(name, ...) (void *)last_resort_##name,
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
 * are not its allocator's even when it brings that along: it isn't constructed yet. */
static enum owner owner_of(void *fn)
{
	const char *path = "", *base;

	if (!fn)
		return NOBODY;
	if (cp_shim_same_object(fn, (void *)getauxval(AT_PHDR)))
		return HOST;
	if (cp_shim_same_object(fn, (void *)cp_real.malloc))
		return ALLOCATOR;
	cp_shim_object_of(fn, &path);
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	if (!strncmp(base, "libstdc++", 9) || !strncmp(base, "libc++", 6))
		return LIBRARY;
	return HOST;
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

/* The host's own that stands before us, where we never meet it; but not another copy of us, that
 * would come to us. */
static void *outer_of_host(unsigned slot)
{
	void *fn = st.second ? NULL : cp_shim_outer(names[slot]);

	return owner_of(fn) == HOST ? fn : NULL;
}

/* Without any C++ library there can be these two, which all others lead to. */
static bool any_of_host(const enum owner *owner)
{
	if (owner[SLOT(_Znwm)] == NOBODY)
		return outer_of_host(SLOT(_Znwm)) || outer_of_host(SLOT(_ZdlPv));
	for (unsigned i = 0; i < OPERATORS; i++)
		if (owner[i] == HOST || outer_of_host(i))
			return true;
	return false;
}

/* What libstdc++ would do, were it there: a library that comes later relies on it. By then it
 * is, and its nothrow forms know how to take what the host's throw. */
static void lead_to_host(void **next, enum owner *owner)
{
	void *simple[] = {outer_of_host(SLOT(_ZdlPv)), outer_of_host(SLOT(_Znwm))};

	for (unsigned i = 0; i < OPERATORS; i++) {
		bool is_new = NEW_FIRST + i < NEW_END;

		if (owner[i] != NOBODY || !simple[is_new] || strstr(names[i], "align_val_t"))
			continue;
		next[NEW_FIRST + i] = simple[is_new];
		if (is_new && strstr(names[i], "nothrow"))
			next[NEW_FIRST + i] = last_resort[i];
		owner[i] = HOST;
	}
	st.host_new = simple[true];
}

/* And where malloc stands before us: a library that comes later leads there by what it brings. */
static void lead_to_outer(void **next, enum owner *owner)
{
	for (unsigned i = 0; i < OPERATORS; i++) {
		bool is_new = NEW_FIRST + i < NEW_END;

		if (owner[i] != NOBODY || (!is_new && !st.outer.free))
			continue;
		next[NEW_FIRST + i] = is_new ? generic[i] : (void *)st.outer.free;
		owner[i] = HOST;
	}
}

static void choose_new(unsigned slot, enum way way, void **next)
{
	st.way[slot] = (uint8_t)way;
	st.real[slot] = way == GENERIC ? generic[slot] : *next;
	*next = way == FORWARD ? forward[slot] : st.real[slot];
}

static enum way way_of(unsigned slot, enum owner owner, bool host, void **next)
{
	if (owner == HOST || (host && owner == LIBRARY))
		return FORWARD;
	return owner == ALLOCATOR && !calls_us(slot, next[NEW_FIRST + slot], next) ? OWN : GENERIC;
}

static void choose_as_is(void **next)
{
	for (unsigned i = 0; i < OPERATORS; i++) {
		bool is_new = NEW_FIRST + i < NEW_END;
		void **slot = &next[NEW_FIRST + i];

		if (is_new)
			choose_new(i, *slot ? OWN : GENERIC, slot);
		else if (!*slot)
			*slot = (void *)cp_real.free;
	}
}

void cp_shim_cxx_choose(void **next, bool as_is, const struct cp_outer_malloc *outer)
{
	enum owner owner[OPERATORS];
	bool host;

	memcpy(st.other, &next[NEW_FIRST], sizeof(st.other));
	st.second = cp_shim_outer("cprof_here");
	if (as_is) {
		choose_as_is(next);
		return;
	}
	for (unsigned i = 0; i < OPERATORS; i++)
		owner[i] = owner_of(next[NEW_FIRST + i]);
	host = outer || any_of_host(owner);
	if (host)
		lead_to_host(next, owner);
	if (outer) {
		st.outer = *outer;
		lead_to_outer(next, owner);
	}
	for (unsigned i = 0; i < OPERATORS; i++) {
		void **slot = &next[NEW_FIRST + i];

		if (NEW_FIRST + i < NEW_END)
			choose_new(i, way_of(i, owner[i], host, next), slot);
		else if (owner[i] == NOBODY || (owner[i] == LIBRARY && !host))
			*slot = (void *)cp_real.free;
	}
}
