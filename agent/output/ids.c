/* SPDX-License-Identifier: MIT */
/*
 * ids.c - from the ids of a file's table to places in ours
 *
 * Context  pure code, as pprof.h.
 * Calls    idtab.h
 * Holds    not sparse: the ids so far are exactly 1 .. n, id i at place i - 1.
 *          sparse: tab holds all n of them, numbered by place.
 */
#include "ids.h"

#include <errno.h>

void cp_ids_init(struct cp_ids *ids, const struct cp_alloc *mem)
{
	*ids = (struct cp_ids){.mem = *mem};
}

static struct cp_hash id_hash(const struct cp_ids *ids, uint64_t id)
{
	struct cp_hash h = cp_hash_start(ids->tab.seed);

	cp_hash_word(&h, id);
	cp_hash_word(&h, 0);
	return h;
}

static int add_sparse(struct cp_ids *ids, uint64_t id)
{
	bool fresh;

	if (cp_idtab_put(&ids->tab, id_hash(ids, id), &fresh) == CP_IDTAB_FULL)
		return -ENOMEM;
	return fresh ? 0 : -EEXIST;
}

/* The first id out of order: those so far move to the table. */
static int make_sparse(struct cp_ids *ids)
{
	int err = cp_idtab_init(&ids->tab, &ids->mem);

	ids->sparse = !err;
	for (size_t i = 0; i < ids->n && !err; i++)
		err = add_sparse(ids, i + 1);
	return err;
}

int cp_ids_add(struct cp_ids *ids, uint64_t id)
{
	int err = 0;

	if (!id)
		return -EINVAL;
	if (!ids->sparse && id != ids->n + 1)
		err = make_sparse(ids);
	if (ids->sparse && !err)
		err = add_sparse(ids, id);
	if (!err)
		ids->n++;
	return err;
}

size_t cp_ids_find(const struct cp_ids *ids, uint64_t id)
{
	uint32_t at;

	if (!ids->sparse)
		return id - 1 < ids->n ? id - 1 : CP_IDS_NONE;
	at = cp_idtab_find(&ids->tab, id_hash(ids, id));
	return at == CP_IDTAB_FULL ? CP_IDS_NONE : at;
}

void cp_ids_fini(struct cp_ids *ids)
{
	if (ids->sparse)
		cp_idtab_fini(&ids->tab);
	ids->sparse = false;
}
