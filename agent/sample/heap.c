/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the byte sampler and the heap's counters
 *
 * Context  HOST: the cp_probe_ functions      EARLY: cp_heap_init
 *          CONTROL: cp_heap_cells, _read, _row
 * Calls    rt, and the walker. errno is never touched.
 * Shared   st.cells (cell.h), the live table (live.h), the page marks (marks.h);
 *          st.mode: rel by cp_heap_init / acq by cp_probe_alloc; off for good by cp_heap_stop.
 * Holds    A block in the live table has been added to its cell's allocs, and
 *          leaves by adding the same weight to its frees: frees <= allocs.
 *          P(a block of s bytes is sampled) = 1 - exp(-s/rate), whatever came
 *          before: the countdown is exponential, so it has no memory.
 * Fails    Every full table charges [table full] and is counted (loss.h).
 * Why      The weight is a function of size and rate alone, so the record of a live
 *          block keeps its size and how far the rate was lowered, and no weight.
 *          The rate that counts is the one the countdown was drawn at: so the governor may
 *          change it at any moment, and no total is off by it.
 */
#include "heap.h"

#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/mathx.h"
#include "govern.h"
#include "known.h"
#include "live.h"
#include "loss.h"
#include "marks.h"
#include "sizeclass.h"

#define NEVER	    UINT64_MAX /* no allocation is as large */
#define COUNT_SHIFT 16	       /* object counts are kept in 1/65536 */
#define SIZE_MAX_48 ((1ULL << 48) - 1)

enum { ALLOCS, ALLOC_BYTES, FREES, FREE_BYTES };

static struct {
	enum { NOT_YET, OFF, ON } mode;
	uint64_t rate; /* as configured, before any step */
	struct cp_cells cells;
} st CP_WARM;

int cp_heap_init(uint64_t rate, size_t bytes)
{
	int err = rate ? cp_cells_init(&st.cells, bytes / 2) : 0;

	st.rate = err ? 0 : rate;
	if (st.rate)
		cp_live_init(bytes / 2);
	cp_store_rel(&st.mode, st.rate ? ON : OFF); /* pairs with cp_probe_alloc */
	return err;
}

uint64_t cp_heap_rate(void)
{
	return st.rate;
}

void cp_heap_stop(void)
{
	cp_store_rlx(&st.mode, OFF);
}

void cp_heap_forked(void)
{
	cp_self.heap_left = 0;
}

/* --- sampling ---------------------------------------------------------- */

static uint64_t rate_at(unsigned step)
{
	return st.rate << step;
}

static void rearm(struct cp_thread *t)
{
	uint64_t rate;

	t->heap_step = (uint8_t)cp_govern_step(CP_COST_HEAP);
	rate = rate_at(t->heap_step);
	t->heap_left = rate == 1 ? 0 : cp_thread_until(t, (double)rate);
}

struct weight {
	uint64_t count; /* in 1 / 2^COUNT_SHIFT */
	uint64_t bytes;
};

static CP_NOINLINE struct weight weigh(uint64_t size, unsigned step)
{
	uint64_t rate = rate_at(step);
	double p = rate == 1 || !size ? 1 : cp_one_minus_exp((double)size / (double)rate);

	return (struct weight){(uint64_t)((1 << COUNT_SHIFT) / p + 0.5),
			       (uint64_t)((double)size / p + 0.5)};
}

static void count_alloc(const struct cp_live *block)
{
	struct weight w = weigh(block->size, block->step);

	cp_cell_add(&st.cells, block->cell, ALLOCS, w.count);
	cp_cell_add(&st.cells, block->cell, ALLOC_BYTES, w.bytes);
}

static void count_free(const struct cp_live *block)
{
	uint64_t floats = cp_cpu_floats_begin();
	struct weight w = weigh(block->size, block->step);

	cp_cpu_floats_end(floats);
	cp_cell_add(&st.cells, block->cell, FREES, w.count);
	cp_cell_add(&st.cells, block->cell, FREE_BYTES, w.bytes);
}

static uint32_t cell_of(struct cp_thread *t, uint64_t size, const struct cp_regs *caller)
{
	struct cp_cell_key key = {cp_known_stack(t, caller, 0), t->label, cp_sizeclass_of(size)};

	return cp_cell_find(&st.cells, key);
}

/* The block is in its cell's allocs already. */
static void track(const struct cp_live *block)
{
	struct cp_live old = cp_live_take(block->addr);

	if (old.addr) { /* freed where we could not see it, and given out again */
		cp_loss_add(CP_LOSS_LIVE_STALE, 1);
		cp_marks_remove(old.addr);
		count_free(&old);
	}
	if (cp_live_put(block)) {
		cp_marks_add(block->addr);
		return;
	}
	cp_loss_add(CP_LOSS_LIVE_FULL, 1);
	count_free(block);
}

/* step: of the rate this sample was drawn at. */
static CP_NOINLINE void record(struct cp_thread *t, void *p, uint64_t size, uint8_t step,
			       const struct cp_regs *caller)
{
	struct cp_live block = {
		.addr = (uintptr_t)p, .size = CP_MIN(size, SIZE_MAX_48), .step = step};

	block.cell = cell_of(t, block.size, caller);
	count_alloc(&block);
	track(&block);
}

static void hit(void *p, size_t size, const struct cp_regs *caller)
{
	struct cp_thread *t = &cp_self;
	struct cp_cost_of cost;
	uint8_t step;

	if (t->epoch != cp_epoch() || (t->heap_left == 0 && rate_at(t->heap_step) != 1)) {
		/* First sight of this thread, or a fork: the interval starts here. */
		t = cp_thread_ready();
		rearm(t);
		if (size < t->heap_left) {
			t->heap_left -= size;
			return;
		}
	}
	cost = cp_cost_begin(t);
	step = t->heap_step;
	rearm(t);
	if (p)
		record(t, p, size, step, caller);
	cp_cost_end(CP_COST_HEAP, cost);
}

/* Where nothing is between that tells the place: the rest is found on the way. */
static void look_ahead(uintptr_t addr, const struct cp_regs *caller)
{
	cp_known_soon(&cp_self, caller);
	cp_epoch_soon();
	cp_live_soon(addr);
	CP_SOON(&cp_page_marks[cp_marks_index(addr)]);
}

void cp_probe_alloc(void *p, size_t size, const struct cp_regs *caller)
{
	uint64_t floats;

	switch (cp_load_acq(&st.mode)) { /* pairs with cp_heap_init */
	case NOT_YET:
		cp_loss_add(CP_LOSS_LATE_START, 1);
		return;
	case OFF:
		cp_self.heap_left = NEVER;
		return;
	case ON:
		break;
	}
	look_ahead((uintptr_t)p, caller);
	floats = cp_cpu_floats_begin();
	hit(p, size, caller);
	cp_cpu_floats_end(floats);
}

/* --- blocks that go ---------------------------------------------------- */

static struct cp_live take(void *p)
{
	struct cp_live block = cp_live_take((uintptr_t)p);

	if (block.addr)
		cp_marks_remove(block.addr);
	return block;
}

struct cp_live cp_probe_take(void *p)
{
	struct cp_cost_of cost = cp_cost_begin(&cp_self);
	struct cp_live block = take(p);

	cp_cost_end(CP_COST_HEAP, cost);
	return block;
}

void cp_probe_put_back(struct cp_live block)
{
	if (block.addr)
		track(&block);
}

void cp_probe_drop(struct cp_live block)
{
	if (block.addr)
		count_free(&block);
}

void cp_probe_free(void *p)
{
	struct cp_cost_of cost = cp_cost_begin(&cp_self);
	struct cp_live block = take(p);

	if (block.addr)
		count_free(&block);
	cp_cost_end(CP_COST_HEAP, cost);
}

void cp_probe_mark_forever(const void *p, size_t n)
{
	cp_marks_stick((uintptr_t)p, n);
}

/* --- reading ----------------------------------------------------------- */

uint32_t cp_heap_cells(void)
{
	return cp_cell_count(&st.cells);
}

void cp_heap_read(uint32_t cell, struct cp_heap_counts *now)
{
	now->frees = cp_cell_read(&st.cells, cell, FREES);
	now->free_bytes = cp_cell_read(&st.cells, cell, FREE_BYTES);
	now->allocs = cp_cell_read(&st.cells, cell, ALLOCS);
	now->alloc_bytes = cp_cell_read(&st.cells, cell, ALLOC_BYTES);
}

static int64_t objects(uint64_t scaled)
{
	return ((int64_t)scaled + (1 << (COUNT_SHIFT - 1))) >> COUNT_SHIFT;
}

void cp_heap_row(uint32_t cell, const struct cp_heap_counts *from, const struct cp_heap_counts *now,
		 struct cp_heap_row *row)
{
	static const struct cp_heap_counts start;
	struct cp_cell_key key = cp_cell_key(&st.cells, cell);
	uint64_t allocs, bytes;

	from = from ? from : &start;
	allocs = now->allocs - from->allocs;
	bytes = now->alloc_bytes - from->alloc_bytes;
	row->sid = key.sid;
	row->label = key.label;
	row->size_class = cell == CP_CELL_FULL ? 0 : cp_sizeclass_bytes(key.class);
	row->alloc_objects = objects(allocs);
	row->alloc_bytes = (int64_t)bytes;
	row->inuse_objects = objects(allocs - (now->frees - from->frees));
	row->inuse_bytes = (int64_t)(bytes - (now->free_bytes - from->free_bytes));
}
