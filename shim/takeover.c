/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - standing in front of an allocator that was preloaded before us
 *
 * Context  EARLY: from the constructor, once; other threads may run.
 * Calls    dl_iterate_phdr, dlopen(RTLD_NOLOAD), slots.c.
 * Holds    A slot is changed only while it leads to the allocator, or is still to be
 *          bound and would lead there. The allocator's own calls stay its own. cp_real
 *          holds its functions already (boot.c).
 * Fails    A page that can't be made writable keeps its slots: what is called through
 *          them isn't sampled.
 * Why      In LD_PRELOAD="libjemalloc.so libcprof.so" every name leads to jemalloc. The
 *          loader has no way to go first, so its results are corrected: slots that are
 *          bound, and the allocator's symbol table for those to come.
 */
#include "takeover.h"

#include "boot.h"
#include "lookup.h"
#include "slots.h"

#include <dlfcn.h>
#include <link.h>

struct takeover {
	void *theirs[CP_SLOTS]; /* NULL: they have none */
	void *ours[CP_SLOTS];
};

/* Later look-ups find us where the allocator's functions were. */
static void redirect(const struct takeover *t, const struct cp_object *o)
{
	for (int i = 0; i < CP_SLOTS; i++) {
		ElfW(Sym) *s = t->theirs[i] ? cp_object_find(o, cp_slots_name[i]) : NULL;

		uintptr_t *at = s ? &s->st_value : NULL;

		if (s && o->base + s->st_value == (uintptr_t)t->theirs[i])
			cp_slots_write(o, &at, 1, (uintptr_t)t->ours[i] - o->base);
	}
}

/* --- objects ------------------------------------------------------------- */

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct takeover *t = arg;
	struct cp_object o;
	bool theirs;

	(void)size;
	if (!cp_object_read(&o, info) || cp_object_protection(&o, (uintptr_t)&cp_real))
		return 0;
	theirs = cp_object_protection(&o, (uintptr_t)t->theirs[CP_FN_malloc]);
	cp_slots_correct(&o, t->theirs, theirs ? t->theirs : t->ours);
	if (theirs)
		redirect(t, &o);
	return 0;
}

/* --- deciding ------------------------------------------------------------- */

static bool is_program(void *fn)
{
	const char *path = "?";

	cp_shim_object_of(fn, &path);
	return !*path; /* the loader's name for it */
}

/* A handle to ourselves, if the whole program sees us: preloaded, that is. */
static void *own_handle(void)
{
	void *program = dlopen(NULL, RTLD_LAZY), *self = NULL;
	const char *path = "";

	if (program && dlsym(program, "cprof_here")) {
		cp_shim_object_of(&cp_real, &path);
		self = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	}
	cp_shim_next("free"); /* a look-up that succeeds drops a failed one's message */
	return self;
}

bool cp_shim_takeover(void)
{
	void *first = cp_shim_outer_malloc("malloc"), *self;
	struct takeover t = {{NULL}, {NULL}};

	if (!first || is_program(first))
		return false;
	self = own_handle();
	if (!self)
		return false;
	for (int i = 0; i < CP_SLOTS; i++) {
		void *theirs = cp_shim_outer_malloc(cp_slots_name[i]);

		if (!theirs || !cp_shim_same_object(theirs, first))
			continue;
		t.theirs[i] = theirs;
		t.ours[i] = dlsym(self, cp_slots_name[i]);
		if (!t.ours[i])
			return false;
	}
	dl_iterate_phdr(visit, &t);
	return true;
}
