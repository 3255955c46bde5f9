/* SPDX-License-Identifier: MIT */
/*
 * module.c - numbers the loaded objects that samples hit, and keeps their records
 *
 * Context  HOST, SIGNAL: cp_module_find, cp_module_has
 *          CONTROL: cp_module_get, cp_module_count
 * Calls    _dl_find_object (weak; async-signal-safe since glibc 2.35); everything the
 *          loader or the object itself holds is probed, and copied, first (peek.h).
 * Shared   record[]: filled by whoever claimed it, then by_id[i] is set once by CAS.
 *          seen, link_map: relaxed; hints that say "known in this generation".
 * Order    by_id[i]: rel (CAS) by append(), acq by record_of().
 * Holds    by_id[1 .. count] are complete, differ in identity, and never change; the
 *          identity is (range, load bias, build id, path).
 * Fails    No record left: CP_MODULE_NONE, counted.
 * Why      A record is complete before it is visible, so no reader and no handler
 *          ever waits for another; two threads that meet one object at the same
 *          moment waste a record, never a number. The search through all numbers
 *          runs once per object and generation; `hint` finds it afterwards.
 */
#include "module.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "loss.h"
#include "peek.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>

#define RECORDS	  (CP_MODULE_MAX + 256) /* some to waste on races */
#define HINTS	  1024
#define PHDRS_MAX 64
#define PHDRS_AT  4 /* read together */
#define NOTE_MAX  1024

extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

struct record {
	struct cp_module m;
	uintptr_t id_at;    /* where in its first page its build id is; 0: not there */
	uintptr_t link_map; /* the loader's handle when last made sure of */
	uint64_t seen;	    /* the generation it was made sure of in */
};

static struct {
	struct record *record; /* NULL until init */
	uint32_t claimed;
} st CP_WARM;
static struct {
	uint16_t hint[HINTS]; /* in the same page as the first numbers */
	struct record *by_id[CP_MODULE_MAX + 1];
} table CP_SPARSE;

/* --- reading an object ------------------------------------------------ */

static void take_build_id(struct record *r, uintptr_t at, size_t size, bool careful)
{
	struct cp_module *m = &r->m;
	struct {
		ElfW(Nhdr) head;
		char name[4];
		uint8_t id[sizeof(m->build_id)];
	} note;
	uintptr_t end = at + CP_MIN(size, (size_t)NOTE_MAX);

	while (!m->build_id_len && at + sizeof(note.head) + 4 < end) {
		if (!cp_peek_object(&note, at, CP_MIN(sizeof(note), end - at), careful))
			return;
		if (note.head.n_type == NT_GNU_BUILD_ID && note.head.n_namesz == 4 &&
		    memcmp(note.name, "GNU", 4) == 0 && note.head.n_descsz &&
		    sizeof(note.head) + 4 + note.head.n_descsz <= end - at) {
			m->build_id_len = (uint8_t)CP_MIN(note.head.n_descsz, sizeof(m->build_id));
			memcpy(m->build_id, note.id, m->build_id_len);
			if (m->build_id_len >= sizeof(uint64_t) &&
			    at + sizeof(note) - m->start <= CP_PAGE)
				r->id_at = at + offsetof(__typeof__(note), id);
		}
		at += sizeof(note.head) + CP_ALIGN_UP((size_t)note.head.n_namesz, 4UL) +
		      CP_ALIGN_UP((size_t)note.head.n_descsz, 4UL);
	}
}

/* First pass: the load bias. Second: what lies where. */
static void take_phdr(struct record *r, const ElfW(Phdr) * p, bool second, bool careful)
{
	struct cp_module *m = &r->m;
	uintptr_t at = m->base + p->p_vaddr;

	if (!second) {
		/* The first loaded segment begins the mapping. */
		if (p->p_type == PT_LOAD && m->base == UINTPTR_MAX)
			m->base = m->start - (p->p_vaddr & ~(CP_PAGE - 1));
	} else if (p->p_type == PT_NOTE && !m->build_id_len) {
		take_build_id(r, at, p->p_filesz, careful);
	} else if (p->p_type == PT_GNU_EH_FRAME && !m->eh_frame_hdr) {
		m->eh_frame_hdr = at;
	} else if (p->p_type == PT_LOAD && m->eh_frame_hdr - at < p->p_filesz) {
		m->cfi_lo = at;
		m->cfi_hi = at + p->p_filesz;
	}
}

static bool take_phdrs(struct record *r, const ElfW(Ehdr) * eh, bool second, bool careful)
{
	ElfW(Phdr) p[PHDRS_AT];
	unsigned n = CP_MIN(eh->e_phnum, PHDRS_MAX);

	for (unsigned i = 0; i < n && (second || r->m.base == UINTPTR_MAX); i += PHDRS_AT) {
		unsigned have = CP_MIN(n - i, PHDRS_AT);
		uintptr_t at = r->m.start + eh->e_phoff + i * sizeof(p[0]);

		if (!cp_peek_object(p, at, have * sizeof(p[0]), careful))
			return false;
		for (unsigned k = 0; k < have; k++)
			take_phdr(r, &p[k], second, careful);
	}
	return true;
}

/* What the loader says, and what the object's own headers add. An object whose
 * headers aren't mapped is still a range with a name. */
static void describe(struct record *r, const struct dl_find_object *dlfo, bool careful)
{
	struct cp_module *m = &r->m;
	struct link_map map;
	ElfW(Ehdr) eh;

	memset(r, 0, sizeof(*r));
	m->start = (uintptr_t)dlfo->dlfo_map_start;
	m->end = (uintptr_t)dlfo->dlfo_map_end;
	r->link_map = (uintptr_t)dlfo->dlfo_link_map;
	m->eh_frame_hdr = (uintptr_t)dlfo->dlfo_eh_frame;
	m->base = UINTPTR_MAX;
	/* Only the public members: what follows them is the loader's own. */
	if (cp_peek_object(&map, r->link_map, sizeof(map), careful))
		cp_peek_object_str(m->path, sizeof(m->path), (uintptr_t)map.l_name, careful);
	if (!cp_peek_object(&eh, m->start, sizeof(eh), careful) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_phentsize != sizeof(ElfW(Phdr)) ||
	    !take_phdrs(r, &eh, false, careful) || !take_phdrs(r, &eh, true, careful) || !m->cfi_hi)
		m->eh_frame_hdr = 0;
	if (m->base == UINTPTR_MAX)
		m->base = m->start;
}

/* --- numbers ---------------------------------------------------------- */

static struct record *record_of(unsigned id)
{
	/* Acquire: pairs with the release in append(). */
	return id && id <= CP_MODULE_MAX ? cp_load_acq(&table.by_id[id]) : NULL;
}

static bool same(const struct cp_module *a, const struct cp_module *b)
{
	return a->start == b->start && a->end == b->end && a->base == b->base &&
	       a->build_id_len == b->build_id_len &&
	       memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0 &&
	       memcmp(a->path, b->path, sizeof(a->path)) == 0;
}

static bool overlap(const struct cp_module *a, const struct cp_module *b)
{
	return a->start < b->end && b->start < a->end;
}

/* A record's place, or NULL. Claimed for good. */
static struct record *claim(void)
{
	uint32_t i = cp_load_rlx(&st.claimed);

	while (i < RECORDS)
		if (cp_cas_rlx(&st.claimed, &i, i + 1))
			return &st.record[i];
	return NULL;
}

/* The number of an object equal to `want`: an old one, or the next free one. */
static unsigned number(const struct record *want, uint64_t gen, bool *stale)
{
	struct record *mine = NULL, *r;
	unsigned id = 1;

	while (id <= CP_MODULE_MAX) {
		r = record_of(id);
		if (r && same(&r->m, &want->m))
			return id;
		if (r && overlap(&r->m, &want->m) && cp_load_rlx(&r->seen) == gen)
			*stale = true;
		if (r) {
			id++;
			continue;
		}
		if (!mine && !(mine = claim()))
			break;
		*mine = *want;
		/* Release: the record is complete; pairs with record_of(). On failure
		 * someone else took this number: look at theirs. */
		if (cp_cas_rel(&table.by_id[id], &r, mine))
			return id;
	}
	cp_loss_add(CP_LOSS_MODULES_FULL, 1);
	return CP_MODULE_NONE;
}

static uint16_t *hint_of(uintptr_t start)
{
	return &table.hint[(start / CP_PAGE ^ start / CP_PAGE / HINTS) % HINTS];
}

/* The object is new, or not yet made sure of in this generation. */
CP_COLD static unsigned meet(const struct dl_find_object *dlfo, uint64_t gen, bool careful,
			     bool *stale)
{
	struct record now;
	unsigned id;

	describe(&now, dlfo, careful);
	now.seen = gen;
	id = number(&now, gen, stale);
	if (id) {
		struct record *r = record_of(id);

		cp_store_rlx(&r->link_map, now.link_map);
		cp_store_rlx(&r->seen, gen);
		cp_store_rlx(hint_of(now.m.start), (uint16_t)id);
	}
	return id;
}

/* Is r what the loader has there, as far as can be told at a glance? A library that
 * libc itself put in another's place (NSS, iconv) has another build id. */
static bool still_there(const struct record *r, const struct dl_find_object *dlfo, uint64_t gen,
			bool careful)
{
	return r->m.start == (uintptr_t)dlfo->dlfo_map_start &&
	       r->m.end == (uintptr_t)dlfo->dlfo_map_end &&
	       cp_load_rlx(&r->link_map) == (uintptr_t)dlfo->dlfo_link_map &&
	       cp_load_rlx(&r->seen) == gen &&
	       (careful || !r->id_at ||
		memcmp((const void *)r->id_at, r->m.build_id, sizeof(uint64_t)) == 0);
}

unsigned cp_module_find(uintptr_t pc, uint64_t gen, bool careful, const struct cp_module **m,
			bool *stale)
{
	struct dl_find_object dlfo;
	struct record *r;
	unsigned id;

	if (!st.record || !_dl_find_object || _dl_find_object((void *)pc, &dlfo) != 0)
		return CP_MODULE_NONE;
	id = cp_load_rlx(hint_of((uintptr_t)dlfo.dlfo_map_start));
	r = record_of(id);
	if (CP_UNLIKELY(!r || !still_there(r, &dlfo, gen, careful))) {
		id = meet(&dlfo, gen, careful, stale);
		r = record_of(id);
	}
	if (r)
		*m = &r->m;
	return id;
}

bool cp_module_has(uintptr_t pc)
{
	struct dl_find_object dlfo;

	return _dl_find_object && _dl_find_object((void *)pc, &dlfo) == 0;
}

unsigned cp_module_count(void)
{
	unsigned n = 0;

	while (record_of(n + 1))
		n++;
	return n;
}

const struct cp_module *cp_module_get(unsigned id)
{
	struct record *r = record_of(id);

	return r ? &r->m : NULL;
}

int cp_module_init(void)
{
	if (!st.record)
		st.record = cp_mem_map(RECORDS * sizeof(struct record));
	return st.record ? 0 : -ENOMEM;
}
