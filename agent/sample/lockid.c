/* SPDX-License-Identifier: MIT */
/*
 * lockid.c - numbers for locks that can be told apart by name
 *
 * Context  HOST: cp_lockid_of, _made, _gone      CONTROL: the readers
 * Calls    rt, module.h.
 * Shared   st.note: relaxed words, each whole in itself; st.table->key: written once, CAS.
 * Order    none is needed: a key is all there is to a number.
 * Holds    A note is the lock's tag above, the code's address below. The last lock of a place
 *          has it: who looks for another finds a tag that isn't his.
 * Fails    A note is lost to a newer one in its place: the lock goes unnamed. One in 65,536
 *          of the strangers that look there takes it for his.
 * Why      A lock in an object's data is named by its address, which costs nothing until it
 *          is contended. Of the others only their makers know, and a mutex may be made and
 *          gone a million times a second: one store, no walk, no record to be freed. Both
 *          tables stay with a forked child, as its locks do.
 */
#include "lockid.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"
#include "module.h"
#include "rules.h"

#include <errno.h>

#define NOTES	  16384U
#define PROBES	  64U
#define TAG_SHIFT CP_FRAME_ADDR_BITS
#define IS_CODE	  (1ULL << (CP_FRAME_ADDR_BITS - 1)) /* no user's address has it */

struct table {
	uint64_t key[CP_LOCKIDS_MAX]; /* a frame, with IS_CODE or not; 0 empty */
	uint64_t note[NOTES];
};

static struct {
	struct table *table;
} st;

int cp_lockid_init(void)
{
	st.table = cp_mem_map(CP_ALIGN_UP(sizeof(*st.table), CP_PAGE));
	return st.table ? 0 : -ENOMEM;
}

static uint64_t hash_of(uint64_t v)
{
	return (v >> 3) * 0x9e3779b97f4a7c15ULL;
}

static uint64_t *place_of(uint64_t hash)
{
	return &st.table->note[hash >> 32 & (NOTES - 1)];
}

static uint64_t tag_of(uint64_t hash)
{
	return hash >> TAG_SHIFT << TAG_SHIFT;
}

void cp_lockid_made(uintptr_t lock, uintptr_t pc)
{
	uint64_t hash = hash_of(lock);

	if (st.table)
		cp_store_rlx(place_of(hash), tag_of(hash) | (pc & CP_FRAME_ADDR_MASK));
}

/* Its address must not lend the name to what comes there next. */
void cp_lockid_gone(uintptr_t lock)
{
	uint64_t hash = hash_of(lock);

	if (st.table && tag_of(cp_load_rlx(place_of(hash))) == tag_of(hash))
		cp_store_rlx(place_of(hash), 0);
}

static uint16_t number_of(uint64_t key)
{
	uint64_t hash = hash_of(key << 3) >> 32;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t at = (uint32_t)(hash + i) % (CP_LOCKIDS_MAX - 1) + 1;
		uint64_t seen = cp_load_rlx(&st.table->key[at]);

		if (seen == key || (!seen && cp_cas_rlx(&st.table->key[at], &seen, key)))
			return (uint16_t)at;
		if (seen == key) /* by another, just now */
			return (uint16_t)at;
	}
	return 0;
}

uint16_t cp_lockid_of(uintptr_t lock)
{
	unsigned module = cp_rules_module(lock);
	uint64_t hash = hash_of(lock), note;
	uintptr_t pc;

	if (!st.table || !lock)
		return 0;
	if (module != CP_MODULE_NONE)
		return number_of(cp_frame_make(module, lock));
	note = cp_load_rlx(place_of(hash));
	pc = (uintptr_t)(note & CP_FRAME_ADDR_MASK);
	if (!pc || tag_of(note) != tag_of(hash))
		return 0;
	return number_of(cp_frame_make(cp_rules_module(pc - 1), pc - 1) | IS_CODE);
}

uint32_t cp_lockid_end(void)
{
	return st.table ? CP_LOCKIDS_MAX : 0;
}

bool cp_lockid_get(uint32_t id, cp_frame *frame, bool *is_code)
{
	uint64_t key = cp_load_rlx(&st.table->key[id]);

	*is_code = key & IS_CODE;
	*frame = key & ~IS_CODE;
	return key != 0;
}
