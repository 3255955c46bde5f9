/* SPDX-License-Identifier: MIT */
/*
 * labels.c - interned label sets: what a sample says beside its stack
 *
 * Context  HOST, SIGNAL: cp_label_intern      CONTROL: cp_label_get
 * Calls    rt only.
 * Shared   st.table: used (relaxed add), slot[] (claimed once, CAS), set[], each
 *          written before its slot is published and never after.
 * Order    slot: rel by cp_label_intern / acq by the next one that looks
 * Holds    set 0 is none and set 1 `other`: both are constants, not in the table.
 * Fails    Full: CP_LABEL_OTHER.
 * Why      As stack.c: two threads that meet the same new set at once waste one
 *          record, which costs less than any way of preventing it.
 */
#include "labels.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"

#include <errno.h>
#include <string.h>

#define FIRST 2U /* numbers below are reserved */
#define SLOTS (2 * CP_LABEL_MAX)
#define KEY   "thread"

struct table {
	uint32_t used;
	uint16_t slot[SLOTS]; /* number of a set, 0 empty */
	struct cp_label_set set[CP_LABEL_MAX];
};

static struct {
	struct table *table;
} st CP_WARM;

static const struct cp_label_set other = {0, sizeof(KEY "\0other"), KEY "\0other"};

int cp_label_init(void)
{
	st.table = cp_mem_wiped(sizeof(*st.table));
	return st.table ? 0 : -ENOMEM;
}

static uint32_t hash_text(const char *text, size_t len)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619U;
	return h;
}

/* A record nobody can see yet; 0 when there is no room. */
static uint16_t append(uint32_t hash, const char *text, size_t len)
{
	uint32_t at = cp_add_rlx(&st.table->used, 1) + FIRST;
	struct cp_label_set *s;

	if (at >= CP_LABEL_MAX) {
		cp_sub_rlx(&st.table->used, 1);
		return CP_LABEL_NONE;
	}
	s = &st.table->set[at];
	s->hash = hash;
	s->len = (uint16_t)len;
	memcpy(s->text, text, len);
	return (uint16_t)at;
}

uint16_t cp_label_intern(const char *text, size_t len)
{
	uint32_t hash = hash_text(text, len);
	uint16_t mine = 0;

	if (!len || !st.table)
		return CP_LABEL_NONE;
	if (len > CP_LABEL_BYTES)
		return CP_LABEL_OTHER;
	for (uint32_t i = 0; i < SLOTS; i++) {
		uint16_t *slot = &st.table->slot[(hash + i) % SLOTS];
		uint16_t label = cp_load_acq(slot); /* pairs with the rel below */
		const struct cp_label_set *s;

		if (!label && !mine) {
			mine = append(hash, text, len);
			if (!mine)
				return CP_LABEL_OTHER;
		}
		/* rel: the record's bytes before its number */
		if (!label && cp_cas_acqrel(slot, &label, mine))
			return mine;
		s = &st.table->set[label];
		if (s->hash == hash && s->len == len && !memcmp(s->text, text, len))
			return label;
	}
	return CP_LABEL_OTHER;
}

uint16_t cp_label_of_thread(const char *name)
{
	char text[sizeof(KEY) + 16] = KEY;
	size_t len = strnlen(name, 15);

	if (!len)
		return CP_LABEL_NONE;
	memcpy(text + sizeof(KEY), name, len);
	text[sizeof(KEY) + len] = 0;
	return cp_label_intern(text, sizeof(KEY) + len + 1);
}

const struct cp_label_set *cp_label_get(uint16_t label)
{
	if (label == CP_LABEL_OTHER)
		return &other;
	if (label < FIRST || label >= CP_LABEL_MAX || !st.table)
		return NULL;
	return st.table->set[label].len ? &st.table->set[label] : NULL;
}
