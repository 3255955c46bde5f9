/* SPDX-License-Identifier: MIT */
/*
 * lines_dwarf.c - functions, files, lines and inlined calls of addresses, from DWARF
 *
 * Context  cprof-lines; one thread
 * Holds    Only units that have one of the addresses are read, one after the other,
 *          and nothing of them is kept: memory is for the answers.
 *          A chain holds the function an address is in and the calls inlined there,
 *          outermost first, each deeper in the tree than the one before.
 * Fails    What leads to other files is left to libbacktrace.
 * Why      libbacktrace gives one inlined call in a hundred wrong where ranges
 *          interleave, and builds tables of all a file has.
 */
#include "lines.h"

#include "lines_codes.h"
#include "lines_unit.h"

#include <stdlib.h>

#define ORIGINS_MAX 16 /* from a function's code to its name */
#define DEPTH_MAX   256

struct link {
	const char *function;
	uint64_t file, line; /* where it is called from, of inlined ones */
	unsigned depth;
};

struct chain {
	struct link *link;
	unsigned n, cap;
	uint64_t owner; /* the function's entry: another at the same place is ignored */
};

struct search {
	struct cp_dw d;
	const struct cp_lines_request *r;
	size_t *index;	/* of addr[i] in the request */
	uint64_t *addr; /* sorted */
	uint64_t *seen; /* of addr[i]: where the last unit that has it ends */
	/* Of the unit at hand: */
	struct cp_dw_unit u;
	struct chain *chain; /* for each of its addresses */
	uint64_t *here;	     /* these, sorted */
	size_t *origin;	     /* which of addr[] they are */
	size_t n;
	/* Of the entry at hand: */
	const char *function;
	struct cp_dw_entry entry;
	unsigned depth;
	uint64_t owner;
	bool named, covers;
};

static size_t lower_bound(const uint64_t *addr, size_t n, uint64_t v)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Along abstract origins and specifications, which may lie in other units. */
static const char *name_of(struct search *s, const struct cp_dw_entry *e)
{
	struct cp_dw_entry at = *e;
	struct cp_dw_unit u = s->u;
	const char *plain = NULL;

	for (int i = 0; i < ORIGINS_MAX; i++) {
		if (at.linkage_name)
			return at.linkage_name;
		plain = plain ? plain : at.name;
		if (!at.origin)
			break;
		if ((at.origin < u.start || at.origin >= u.end) &&
		    !cp_dw_unit_of(&s->d, at.origin, &u))
			break;
		if (!cp_dw_entry_read(&s->d, &u, at.origin, &at))
			break;
	}
	return plain;
}

static void push(struct search *s, struct chain *c)
{
	const struct cp_dw_entry *e = &s->entry;

	if (e->tag == DW_TAG_subprogram && !c->n)
		c->owner = e->offset;
	if (c->owner != s->owner)
		return;
	while (c->n && c->link[c->n - 1].depth >= s->depth)
		c->n--;
	if (c->n == c->cap) {
		unsigned cap = c->cap ? 2 * c->cap : 4;
		struct link *more = realloc(c->link, cap * sizeof(*more));

		if (!more)
			return;
		c->link = more;
		c->cap = cap;
	}
	if (!s->named)
		s->function = name_of(s, e);
	s->named = true;
	c->link[c->n++] = (struct link){s->function, e->call_file, e->call_line, s->depth};
}

static void on_code(void *ctx, uint64_t low, uint64_t high)
{
	struct search *s = ctx;

	for (size_t i = lower_bound(s->here, s->n, low); i < s->n && s->here[i] < high; i++) {
		s->covers = true;
		push(s, &s->chain[i]);
	}
}

/* All entries of the unit, in order; owner[] tells which function each depth is in. */
static bool walk(struct search *s)
{
	uint64_t owner[DEPTH_MAX] = {0}, at = s->u.entries;
	unsigned depth = 0;

	while (at < s->u.end) {
		struct cp_dw_entry e;
		bool inlined;

		if (!cp_dw_entry_read(&s->d, &s->u, at, &e))
			return false;
		at = e.next;
		if (!e.tag) {
			if (depth-- <= 1)
				return true;
			continue;
		}
		inlined = e.tag == DW_TAG_inlined_subroutine;
		owner[depth] = e.tag == DW_TAG_subprogram ? e.offset : depth ? owner[depth - 1] : 0;
		if (inlined || e.tag == DW_TAG_subprogram) {
			s->entry = e;
			s->depth = depth;
			s->owner = owner[depth];
			s->named = s->covers = false;
			cp_dw_ranges(&s->d, &s->u, &e, on_code, s);
			/* What is inlined elsewhere has nothing for us inside. */
			if (inlined && !s->covers && e.sibling > at && e.sibling < s->u.end) {
				at = e.sibling;
				continue;
			}
		}
		if (e.children && ++depth == DEPTH_MAX)
			return false;
	}
	return true;
}

static char *copied(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void compose(const struct chain *c, const struct cp_dw_row *row, struct cp_dw_table *t,
		    struct cp_lines_answer *a)
{
	unsigned n = CP_MIN(c->n, CP_LINES_INLINE_MAX);
	uint64_t file = row->file, line = row->line;

	if ((!c->n && !row->found) || a->call)
		return;
	a->call = calloc(n ? n : 1, sizeof(*a->call));
	if (!a->call)
		return;
	a->n = n ? n : 1;
	for (unsigned i = 0; i < a->n; i++) {
		const struct link *l = c->n ? &c->link[c->n - 1 - i] : NULL;

		a->call[i].function = l ? copied(l->function) : NULL;
		a->call[i].file = t && (row->found || i) ? cp_dw_table_file(t, file) : NULL;
		a->call[i].line = (unsigned)line;
		file = l ? l->file : 0;
		line = l ? l->line : 0;
	}
}

static bool answer_unit(struct search *s, struct cp_lines_answer *a)
{
	struct cp_dw_row *row = calloc(s->n, sizeof(*row));
	struct cp_dw_table *t;
	bool ok;

	s->chain = calloc(s->n, sizeof(*s->chain));
	ok = row && s->chain && walk(s);
	t = cp_dw_table_open(&s->d, &s->u);
	if (t && row)
		cp_dw_table_rows(t, s->here, s->n, row);
	for (size_t i = 0; ok && i < s->n; i++)
		compose(&s->chain[i], &row[i], t, &a[s->index[s->origin[i]]]);
	for (size_t i = 0; s->chain && i < s->n; i++)
		free(s->chain[i].link);
	cp_dw_table_close(t);
	free(s->chain);
	free(row);
	return ok && !s->d.unsupported;
}

static void on_unit_range(void *ctx, uint64_t low, uint64_t high)
{
	struct search *s = ctx;
	size_t i = lower_bound(s->addr, s->r->n, low);

	for (; i < s->r->n && s->addr[i] < high; i++) {
		if (s->seen[i] == s->u.end)
			continue;
		s->seen[i] = s->u.end;
		s->origin[s->n++] = i;
	}
}

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

/* Which of the addresses lie in the unit at hand: once each, though its ranges overlap where
 * identical functions were folded. */
static bool gather(struct search *s)
{
	struct cp_dw_entry root;

	s->n = 0;
	if (!cp_dw_entry_read(&s->d, &s->u, s->u.entries, &root))
		return false;
	cp_dw_ranges(&s->d, &s->u, &root, on_unit_range, s);
	qsort(s->origin, s->n, sizeof(*s->origin), by_number);
	for (size_t i = 0; i < s->n; i++)
		s->here[i] = s->addr[s->origin[i]];
	return true;
}

static const struct cp_lines_request *sorting;

static int by_address(const void *a, const void *b)
{
	uint64_t x = sorting->addr[*(const size_t *)a], y = sorting->addr[*(const size_t *)b];

	return x < y ? -1 : x > y;
}

static bool begin(struct search *s, const struct cp_lines_request *r)
{
	s->r = r;
	s->index = calloc(r->n + 1, sizeof(*s->index));
	s->origin = calloc(r->n + 1, sizeof(*s->origin));
	s->addr = calloc(r->n + 1, sizeof(*s->addr));
	s->here = calloc(r->n + 1, sizeof(*s->here));
	s->seen = calloc(r->n + 1, sizeof(*s->seen));
	if (!s->index || !s->origin || !s->addr || !s->here || !s->seen)
		return false;
	for (size_t i = 0; i < r->n; i++)
		s->index[i] = i;
	sorting = r;
	qsort(s->index, r->n, sizeof(*s->index), by_address);
	for (size_t i = 0; i < r->n; i++)
		s->addr[i] = r->addr[s->index[i]];
	return true;
}

static bool all_units(struct search *s, struct cp_lines_answer *a)
{
	for (uint64_t at = 0; cp_dw_unit_read(&s->d, at, &s->u); at = s->u.end) {
		if (s->d.unsupported)
			return false;
		if (s->u.dir == NULL && s->u.name == NULL && !s->u.has_lines)
			continue; /* types, or parts of other units */
		if (!gather(s) || (s->n && !answer_unit(s, a)))
			return false;
	}
	return !s->d.unsupported;
}

bool cp_lines_dwarf(const char *path, const struct cp_lines_request *r, struct cp_lines_answer *a,
		    const char **why)
{
	struct search s = {.r = NULL};
	bool ok;

	if (!cp_dw_open(&s.d, path, why))
		return false;
	ok = begin(&s, r) && all_units(&s, a);
	*why = ok ? NULL : "debug data that can't be read";
	free(s.index);
	free(s.origin);
	free(s.addr);
	free(s.here);
	free(s.seen);
	cp_dw_close(&s.d);
	return ok;
}
