/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - standing in front of an allocator that was preloaded before us
 *
 * Context  EARLY: from the constructor, once; other threads may run.
 * Calls    dl_iterate_phdr, dlopen(RTLD_NOLOAD), mprotect.
 * Shared   the host's relocated slots: each one relaxed store of a pointer; the old
 *          and the new function both serve at any time.
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

#include "../agent/rt/atomic.h"
#include "../agent/rt/sys.h"
#include "boot.h"
#include "object.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#define NAMES CP_FN_pthread_create /* the malloc family and the operators come first */

static const char *const names[NAMES] = {
#define F(name, ...) #name,
	CP_MALLOC_TABLE(F) CP_NEW_TABLE(F) CP_DELETE_TABLE(F)
#undef F
};

struct takeover {
	void *theirs[NAMES]; /* NULL: they have none */
	void *ours[NAMES];
};

/* --- pages -------------------------------------------------------------- */

static void write_word(const struct cp_object *o, uintptr_t *at, uintptr_t value)
{
	int prot = cp_object_protection(o, (uintptr_t)at);
	uintptr_t page = (uintptr_t)at & ~(CP_PAGE - 1);

	if (prot & PROT_WRITE) {
		cp_store_rlx(at, value);
		return;
	}
	if (!prot || CP_SYS(SYS_mprotect, page, CP_PAGE, prot | PROT_WRITE) < 0)
		return;
	cp_store_rlx(at, value);
	CP_SYS(SYS_mprotect, page, CP_PAGE, prot);
}

/* --- slots -------------------------------------------------------------- */

static int by_value(const struct takeover *t, uintptr_t value)
{
	for (int i = 0; i < NAMES; i++)
		if (t->theirs[i] && (uintptr_t)t->theirs[i] == value)
			return i;
	return -1;
}

static int by_name(const struct takeover *t, const char *name)
{
	for (int i = 0; i < NAMES; i++)
		if (t->theirs[i] && !strcmp(names[i], name))
			return i;
	return -1;
}

static void correct(const struct takeover *t, const struct cp_object *o, const ElfW(Rela) * r,
		    void *const *to)
{
	unsigned type = (unsigned)ELF64_R_TYPE(r->r_info);
	uintptr_t *at = (uintptr_t *)(o->base + r->r_offset);
	int i;

	if (type != CP_RELOC_JUMP && type != CP_RELOC_GLOBAL && type != CP_RELOC_WORD)
		return;
	i = by_value(t, cp_load_rlx(at));
	/* Not bound yet: it leads back into the object's own stubs. */
	if (i < 0 && type == CP_RELOC_JUMP && cp_object_protection(o, cp_load_rlx(at)))
		i = by_name(t, o->str + o->sym[ELF64_R_SYM(r->r_info)].st_name);
	if (i >= 0 && cp_load_rlx(at) != (uintptr_t)to[i])
		write_word(o, at, (uintptr_t)to[i]);
}

/* Later look-ups find us where the allocator's functions were. */
static void redirect(const struct takeover *t, const struct cp_object *o)
{
	for (int i = 0; i < NAMES; i++) {
		ElfW(Sym) *s = t->theirs[i] ? cp_object_find(o, names[i]) : NULL;

		if (s && o->base + s->st_value == (uintptr_t)t->theirs[i])
			write_word(o, &s->st_value, (uintptr_t)t->ours[i] - o->base);
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
	for (size_t i = 0; i < o.relas; i++)
		correct(t, &o, &o.rela[i], theirs ? t->theirs : t->ours);
	for (size_t i = 0; i < o.jumps; i++)
		correct(t, &o, &o.jump[i], theirs ? t->theirs : t->ours);
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
	void *first = cp_shim_outer("malloc"), *self;
	struct takeover t = {{NULL}, {NULL}};

	if (!first || is_program(first))
		return false;
	self = own_handle();
	if (!self)
		return false;
	for (int i = 0; i < NAMES; i++) {
		void *theirs = cp_shim_outer(names[i]);

		if (theirs && cp_shim_same_object(theirs, first))
			t.theirs[i] = theirs;
		t.ours[i] = dlsym(self, names[i]);
		if (!t.ours[i])
			return false;
	}
	dl_iterate_phdr(visit, &t);
	return true;
}
