/* SPDX-License-Identifier: MIT */
/*
 * live.c - the sampled blocks that are still allocated, by address
 *
 * Context  HOST
 * Calls    rt only; mmap when a level is added, fewer than LEVELS times.
 * Shared   level[] (published once, CAS); slot.key (claimed by CAS), slot.val
 *          (written between claim and publication).
 * Order    key: rel by cp_live_put / acq by cp_live_take
 *          level[]: rel by add_level / acq by level_at
 * Holds    A record lies in one of two buckets of one level; a bucket is a cache
 *          line. So a look-up costs the same for ever: nothing is moved, and a
 *          removed record leaves an empty slot, no tombstone.
 * Fails    No level has room and none can be added: false.
 * Why      A chain or a probe sequence needs tombstones or moving, and moving needs
 *          a lock. Two choices of four slots fill a level to some three quarters
 *          before the first record spills into the next. The first is there from the start, and
 *          small enough to share a page with what is used anyway: of a young process each record
 *          would lie in a page of its own, with a fault to look there and one to write.
 */
#include "live.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"

#define BUCKET	   4U /* slots in a cache line */
#define LEVELS	   10
#define GROWTH	   4	/* of those that aren't small */
#define BUSY	   1ULL /* claimed, not yet published; no block has this address */
#define SIZE_LOW   40
#define STEP_SHIFT (CP_FRAME_ADDR_BITS + 8)

struct slot {
	uint64_t key; /* address; above it the upper 8 bits of the size, then the step */
	uint64_t val; /* cell, and the lower 40 bits of the size */
};

static const size_t small_level[] = {CP_PAGE / 2, CP_PAGE, 64UL << 10};

static struct {
	struct slot *level[LEVELS];
	size_t bytes[LEVELS]; /* a power of two; 0: no room for one more */
} st CP_WARM;

void cp_live_init(size_t bytes)
{
	size_t size = 0;

	for (size_t i = 0; i < LEVELS; i++) {
		size = i < CP_ARRAY_LEN(small_level) ? small_level[i] : size * GROWTH;
		while (size > bytes)
			size /= 2;
		st.bytes[i] = size < small_level[0] ? 0 : size;
		bytes -= st.bytes[i];
	}
	if (st.bytes[0])
		st.level[0] = cp_mem_wiped(st.bytes[0]);
}

static struct slot *add_level(int i)
{
	struct slot *none = NULL, *fresh = st.bytes[i] ? cp_mem_map_wiped(st.bytes[i]) : NULL;

	if (!fresh)
		return NULL;
	if (!cp_cas_acqrel(&st.level[i], &none, fresh)) { /* pairs with level_at */
		cp_mem_unmap(fresh, st.bytes[i]);
		return none;
	}
	return fresh;
}

static struct slot *level_at(int i)
{
	return cp_load_acq(&st.level[i]); /* pairs with add_level */
}

/* The two buckets an address may lie in. */
static void buckets_of(int i, uintptr_t addr, struct slot *level, struct slot *out[2])
{
	uint64_t h = (addr >> 3) * 0x9e3779b97f4a7c15ULL;
	size_t mask = st.bytes[i] / (BUCKET * sizeof(struct slot)) - 1;

	out[0] = &level[(h >> 40 & mask) * BUCKET];
	out[1] = &level[((h >> 16 ^ h >> 50) & mask) * BUCKET];
}

static uint64_t key_of(const struct cp_live *b)
{
	return (uint64_t)b->step << STEP_SHIFT |
	       (b->size >> SIZE_LOW & 0xff) << CP_FRAME_ADDR_BITS | b->addr;
}

static bool put_in(struct slot *bucket, const struct cp_live *b)
{
	for (unsigned i = 0; i < BUCKET; i++) {
		uint64_t empty = 0;

		if (cp_load_rlx(&bucket[i].key) || !cp_cas_acq(&bucket[i].key, &empty, BUSY))
			continue;
		cp_store_rlx(&bucket[i].val,
			     (uint64_t)b->cell << SIZE_LOW | (b->size & ((1ULL << SIZE_LOW) - 1)));
		cp_store_rel(&bucket[i].key, key_of(b)); /* pairs with take_from */
		return true;
	}
	return false;
}

bool cp_live_put(const struct cp_live *b)
{
	if (b->addr & ~CP_FRAME_ADDR_MASK)
		return false;
	for (int i = 0; i < LEVELS; i++) {
		struct slot *level = level_at(i), *bucket[2];

		if (!level && !(level = add_level(i)))
			return false;
		buckets_of(i, b->addr, level, bucket);
		if (put_in(bucket[0], b) || put_in(bucket[1], b))
			return true;
	}
	return false;
}

static bool take_from(struct slot *bucket, uintptr_t addr, struct cp_live *out)
{
	for (unsigned i = 0; i < BUCKET; i++) {
		uint64_t key = cp_load_acq(&bucket[i].key); /* pairs with put_in */
		/* Another block's record may be written here now: its key won't match. */
		uint64_t val = cp_load_rlx(&bucket[i].val);

		if ((key & CP_FRAME_ADDR_MASK) != addr)
			continue;
		/* CAS, not a store: a host that frees twice gets one record, once. */
		if (!cp_cas_acqrel(&bucket[i].key, &key, 0))
			continue;
		out->addr = addr;
		out->cell = (uint32_t)(val >> SIZE_LOW);
		out->step = (uint8_t)(key >> STEP_SHIFT);
		out->size = (val & ((1ULL << SIZE_LOW) - 1)) | (key >> CP_FRAME_ADDR_BITS & 0xff)
								       << SIZE_LOW;
		return true;
	}
	return false;
}

struct cp_live cp_live_take(uintptr_t addr)
{
	struct cp_live found = {0};

	for (int i = 0; i < LEVELS; i++) {
		struct slot *level = level_at(i), *bucket[2];

		if (!level)
			break;
		buckets_of(i, addr, level, bucket);
		if (take_from(bucket[0], addr, &found) || take_from(bucket[1], addr, &found))
			break;
	}
	return found;
}

void cp_live_soon(uintptr_t addr)
{
	struct slot *level = level_at(0), *bucket[2];

	if (!level)
		return;
	buckets_of(0, addr, level, bucket);
	CP_SOON(bucket[0]);
	CP_SOON(bucket[1]);
}
