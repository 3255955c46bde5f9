/* SPDX-License-Identifier: MIT */
/*
 * profile_head.c - types, times and comments of two profiles made one
 *
 * Context  pure code, as profile.h.
 * Calls    idtab.h, buf.h
 * Holds    as pprof merges: earliest time, summed durations, largest period, each
 *          comment once, the rest from the first that has it. A difference keeps
 *          a's time and duration: it says what happened up to a.
 */
#include "profile_head.h"

#include "../rt/buf.h"
#include "idtab.h"
#include "take.h"

static bool same_type(const struct cp_value_type *a, const struct cp_value_type *b)
{
	return !strcmp(a->type, b->type) && !strcmp(a->unit, b->unit);
}

static bool same_types(const struct cp_pprof_head *a, const struct cp_pprof_head *b)
{
	if (a->ntypes != b->ntypes)
		return false;
	for (unsigned i = 0; i < a->ntypes; i++) {
		if (!same_type(&a->types[i], &b->types[i]))
			return false;
	}
	return true;
}

/* [alloc_objects/count alloc_space/bytes] */
static void put_types(struct cp_buf *out, const struct cp_value_type *type, unsigned n)
{
	cp_buf_char(out, '[');
	for (unsigned i = 0; i < n; i++)
		cp_buf_fmt(out, "%s%s/%s", i ? " " : "", type[i].type, type[i].unit);
	cp_buf_char(out, ']');
}

static const char *sentence(const char *what, const struct cp_value_type *a, unsigned na,
			    const struct cp_value_type *b, unsigned nb, const struct cp_alloc *mem)
{
	const size_t cap = 1024;
	char *text = cp_take(mem, cap, 1);
	struct cp_buf out = {text, 0, cap, false};

	if (!text)
		return "the profiles are of different types";
	cp_buf_str(&out, what);
	put_types(&out, a, na);
	cp_buf_str(&out, " and ");
	put_types(&out, b, nb);
	return text;
}

const char *cp_profile_head_differ(const struct cp_profile *a, const struct cp_profile *b,
				   const struct cp_alloc *mem)
{
	const struct cp_pprof_head *x = &a->head, *y = &b->head;

	if (!same_type(&x->period_type, &y->period_type))
		return sentence("incompatible period types ", &x->period_type, 1, &y->period_type,
				1, mem);
	if (!same_types(x, y))
		return sentence("incompatible sample types ", x->types, x->ntypes, y->types,
				y->ntypes, mem);
	return NULL;
}

static bool add_comments(const struct cp_pprof_head *in, struct cp_idtab *seen,
			 const char **comments, unsigned *n)
{
	for (unsigned i = 0; i < in->ncomments; i++) {
		struct cp_hash h = cp_hash_start(seen->seed);
		bool fresh;

		cp_hash_bytes(&h, in->comments[i], strlen(in->comments[i]));
		if (cp_idtab_put(seen, h, &fresh) == CP_IDTAB_FULL)
			return false;
		if (fresh)
			comments[(*n)++] = in->comments[i];
	}
	return true;
}

static bool merge_comments(struct cp_pprof_head *out, const struct cp_pprof_head *a,
			   const struct cp_pprof_head *b, const struct cp_alloc *mem)
{
	size_t most = (size_t)a->ncomments + (b ? b->ncomments : 0);
	const char **comments = cp_take(mem, most, sizeof(*comments));
	struct cp_idtab seen;
	bool ok = comments && !cp_idtab_init(&seen, mem);

	if (!ok)
		return false;
	out->ncomments = 0;
	ok = add_comments(a, &seen, comments, &out->ncomments) &&
	     (!b || add_comments(b, &seen, comments, &out->ncomments));
	out->comments = comments;
	cp_idtab_fini(&seen);
	return ok;
}

static void merge_times(struct cp_pprof_head *out, const struct cp_pprof_head *b)
{
	if (!out->time_ns || (b->time_ns && b->time_ns < out->time_ns))
		out->time_ns = b->time_ns;
	out->duration_ns = (int64_t)((uint64_t)out->duration_ns + (uint64_t)b->duration_ns);
}

bool cp_profile_head_merge(struct cp_pprof_head *out, const struct cp_profile *a,
			   const struct cp_profile *b, int64_t factor, const struct cp_alloc *mem)
{
	const struct cp_pprof_head *second = b ? &b->head : NULL;

	*out = a->head;
	if (second) {
		if (factor >= 0)
			merge_times(out, second);
		out->period = CP_MAX(out->period, second->period);
		if (!out->default_type)
			out->default_type = second->default_type;
		if (!out->doc_url)
			out->doc_url = second->doc_url;
	}
	return merge_comments(out, &a->head, second, mem);
}
