/* SPDX-License-Identifier: MIT */
/*
 * boot.c - finding the real functions, once, whoever calls first
 *
 * Context  EARLY, ANY
 * Calls    lookup.c; a malloc and a free that stand before ours, to see whether they hand on.
 * Shared   st.state (claimed once), st.outer (before it is DONE), cp_real (each slot one
 *          relaxed store)
 * Order    state: release by cp_shim_boot, acquire by those who find it done.
 * Holds    NEW -> RUNNING -> DONE, or FAILED, for good. Nobody waits for RUNNING, but
 *          the constructor for a while.
 * Fails    A required function is missing: what was found is used, and the agent
 *          stays asleep. Without malloc itself the arena serves, for good.
 * Why      A pointer that starts at boot_X costs the fast path nothing; a flag
 *          would cost every malloc a load and a branch.
 */
#include "boot.h"

#include "../agent/probe.h"
#include "../agent/rt/atomic.h"
#include "arena.h"
#include "cxx.h"
#include "life.h"
#include "lookup.h"
#include "object.h"

#include <errno.h>
#include <link.h>

#define REQUIRED true
#define OPTIONAL false

#define F(name, result, params, args, version, need)	   {#name, version},
#define O(slot, result, params, args, version, need, name) {#name, version},
static const struct cp_wanted wanted[] = {CP_TABLE(F) CP_OLD_TABLE(O)};
#undef F
#undef O
#define F(name, result, params, args, version, need)	   need,
#define O(slot, result, params, args, version, need, name) need,
static const bool required[] = {CP_TABLE(F) CP_OLD_TABLE(O)};
#undef F
#undef O

enum { NEW, RUNNING, DONE, FAILED };

static struct {
	uint32_t state;
	enum cp_outer outer;
} st CP_WARM;

static void *missing_pointer(void)
{
	errno = ENOSYS;
	return NULL;
}

static long missing_call(void)
{
	errno = ENOSYS;
	return -1;
}

void *cp_shim_resolve(enum cp_fn fn)
{
	void *real = cp_shim_next_of(&wanted[fn]);

	return real ? real : (void *)missing_call;
}

/* Address, thread, leak and memory sanitizers watch every access and every call, ours too,
 * and begin with the first allocation: nothing of theirs may be called or timed by us. The
 * first name is in all of their runtimes, and in few programs. */
static const char sanitizers_name[] = "__sanitizer_report_error_summary";

static bool is_sanitized(void)
{
	static const char *const names[] = {"__asan_init", "__hwasan_init", "__msan_init",
					    "__tsan_init", "__lsan_do_leak_check"};
	bool found = cp_shim_is_there(sanitizers_name);

	for (unsigned i = 0; found && i < CP_ARRAY_LEN(names); i++)
		if (cp_shim_is_there(names[i]))
			return true;
	return false;
}

/* The same of what is about to be called, without a look-up that may fail. */
static bool is_of_sanitizer(void *fn)
{
	const struct link_map *map = cp_shim_map_of(fn);
	struct cp_object o = {.base = map ? map->l_addr : 0};

	return map && cp_object_read_dynamic(&o, map->l_ld) && cp_object_find(&o, sanitizers_name);
}

/* A host's free may look for the next one when it is first called. That is not to be in the middle
 * of a look-up of ours, which frees the message of one that failed: it would never end. */
static void let_free_look(void)
{
	void (*release)(void *) = cp_shim_outer("free");

	if (release && !is_of_sanitizer(release))
		release(NULL);
}

/* Does a malloc that stands before ours call the next? That is us, and what we call then must come
 * after us. Small, medium and large blocks take different ways through an allocator, and what
 * comes to us is out of the arena. */
static bool hands_on(void *(*outer)(size_t))
{
	static const size_t sizes[] = {1, 5000, 100000};
	void (*release)(void *) = cp_shim_outer_malloc("free");
	bool any = false;

	for (unsigned i = 0; i < CP_ARRAY_LEN(sizes); i++) {
		void *p = outer(sizes[i]);
		bool ours = cp_shim_arena_owns(p);

		if (release)
			release(p);
		else if (ours)
			cp_shim_arena_take_back(p);
		any |= ours;
	}
	return any;
}

/* proven: a malloc before ours has called us. The program's own isn't constructed yet, and may
 * hand on only later: so cp_real never leads to it. */
static enum cp_outer look_before_us(bool proven, bool sanitized)
{
	void *outer = cp_shim_outer_malloc("malloc");
	const char *path = "?";

	/* Another copy of us that stands first comes to us in the end: no loops. */
	if (!outer || cp_shim_outer("cprof_here"))
		return CP_OUTER_NONE;
	if (proven || (!sanitized && hands_on(outer)))
		return CP_OUTER_WRAPPER;
	/* The loader's name for the program: none. A sanitizer may be linked into it. */
	cp_shim_object_of(outer, &path);
	return *path || sanitized ? CP_OUTER_ALLOCATOR : CP_OUTER_PROGRAM;
}

/* An allocator stands before us: it and its kin are what the host uses, and
 * what those of ours that are still reached must agree with. */
static void prefer_outer(void **next)
{
	for (unsigned i = 0; i < CP_FN_pthread_create; i++) {
		void *outer = cp_shim_outer_malloc(wanted[i].name);

		next[i] = outer ? outer : next[i];
	}
}

static void refuse_without(void *const *next)
{
	for (unsigned i = 0; i < CP_FN_COUNT; i++)
		if (!next[i] && required[i])
			cp_shim_life_refuse("libc has no ", wanted[i].name);
}

/* C23's and glibc's extra names for free: a real one that belongs to another
 * allocator than malloc does would be handed blocks it doesn't know. */
static void prefer_own_free(void **next)
{
	static const enum cp_fn kin[] = {CP_FN_cfree, CP_FN_free_sized, CP_FN_free_aligned_sized};

	for (unsigned i = 0; i < CP_ARRAY_LEN(kin); i++)
		if (!next[kin[i]] || !cp_shim_same_object(next[kin[i]], next[CP_FN_malloc]))
			next[kin[i]] = next[CP_FN_free];
}

static void publish(void **next, enum cp_fn from, enum cp_fn to, void *missing)
{
	for (unsigned i = from; i < to; i++)
		cp_store_rlx(&cp_real.slot[i], next[i] ? next[i] : missing);
}

static uint32_t resolve(enum cp_fn by)
{
	void *next[CP_FN_COUNT] = {NULL};
	/* Who calls what he has himself hands on; and may hold a lock meanwhile, so his malloc is
	 * not called then. */
	bool proven = by < CP_FN_pthread_create && cp_shim_outer_malloc(wanted[by].name), sanitized;

	cp_shim_arena_init();
	let_free_look();
	sanitized = is_sanitized();
	st.outer = look_before_us(proven, sanitized);
	cp_shim_next_all(wanted, CP_FN_COUNT, next);
	refuse_without(next);
	if (!next[CP_FN_malloc] || !next[CP_FN_calloc] || !next[CP_FN_realloc] || !next[CP_FN_free])
		return FAILED;
	if (st.outer == CP_OUTER_ALLOCATOR)
		prefer_outer(next);
	prefer_own_free(next);
	if (sanitized)
		cp_shim_life_refuse("the program runs under a sanitizer", "");
	/* The allocator last: it calls some of the others, with its own locks held. */
	publish(next, CP_FN_pthread_create, CP_FN_COUNT, (void *)missing_call);
	publish(next, 0, CP_FN__Znwm, (void *)missing_pointer);
	cp_shim_cxx_choose(next, sanitized, st.outer > CP_OUTER_ALLOCATOR);
	publish(next, CP_FN__Znwm, CP_FN_pthread_create, (void *)missing_pointer);
	return DONE;
}

bool cp_shim_boot_by(enum cp_fn by)
{
	uint32_t seen = NEW;
	uint32_t result;

	/* acq: with the release below; cp_real and what it points to are ready. */
	if (CP_LIKELY(cp_load_acq(&st.state) == DONE))
		return true;
	if (!cp_cas_acq(&st.state, &seen, RUNNING))
		return seen == DONE;
	result = resolve(by);
	cp_store_rel(&st.state, result);
	return result == DONE;
}

bool cp_shim_boot(void)
{
	return cp_shim_boot_by(CP_FN_COUNT);
}

enum cp_outer cp_shim_whose_malloc(void)
{
	return st.outer;
}
