/* SPDX-License-Identifier: MIT */
/*
 * loss.c - what was lost, counted by reason
 *
 * Context  ANY: one relaxed add; cp_loss_init EARLY.
 * Calls    rt only.
 * Shared   st.count: relaxed adds, in a page a forked child finds zeroed.
 */
#include "loss.h"

#include "../rt/atomic.h"
#include "../rt/mem.h"

#include <errno.h>

static uint64_t before_init[CP_LOSS_COUNT];

static struct {
	uint64_t *count;
} st CP_WARM = {.count = before_init};

static const char *const texts[] = {
#define X(id, text) [CP_LOSS_##id] = (text),
	CP_LOSSES(X)
#undef X
};

int cp_loss_init(void)
{
	uint64_t *count = cp_mem_wiped(CP_LOSS_COUNT * sizeof(*count));

	if (!count)
		return -ENOMEM;
	for (unsigned i = 0; i < CP_LOSS_COUNT; i++)
		count[i] = before_init[i];
	st.count = count;
	return 0;
}

void cp_loss_add(enum cp_loss reason, uint64_t n)
{
	cp_add_rlx(&st.count[reason], n);
}

uint64_t cp_loss_read(enum cp_loss reason)
{
	return cp_load_rlx(&st.count[reason]);
}

const char *cp_loss_text(enum cp_loss reason)
{
	return texts[reason];
}
