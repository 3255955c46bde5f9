/* SPDX-License-Identifier: MIT */
/*
 * record.c - counts agreements, keeps one row for each distinct difference
 *
 * Context  TEST: one thread's signal handlers.
 * Holds    compared == identical + the sum of the rows' counts + lost_diffs.
 */
#include "record.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PC_BITS (1UL << 24)

static uint8_t pcs_met[PC_BITS / 8];

struct record *record_open(void)
{
	char path[512];
	struct record *r;
	int fd;

	snprintf(path, sizeof(path), "%s.%d", getenv("UW_OUT"), (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*r)) != 0)
		return NULL;
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (r == MAP_FAILED)
		return NULL;
	r->magic = RECORD_MAGIC;
	if (readlink("/proc/self/exe", r->program, sizeof(r->program) - 1) < 0)
		r->program[0] = 0;
	return r;
}

/* A one-way filter: two pcs that share a bit count as one. */
void record_pc(struct record *r, uintptr_t pc)
{
	size_t bit = (pc ^ pc >> 20) * 0x9e3779b97f4a7c15ULL >> 40;

	if (pcs_met[bit / 8] & 1U << bit % 8)
		return;
	pcs_met[bit / 8] |= (uint8_t)(1U << bit % 8);
	r->distinct++;
}

bool record_compare(struct record *r, const struct both_stack *ours,
		    const struct both_stack *theirs, unsigned *at)
{
	unsigned n = CP_MIN(ours->n, theirs->n);
	unsigned i = 0;

	r->compared++;
	r->frames += theirs->n;
	while (i < n && ours->pc[i] == theirs->pc[i])
		i++;
	*at = i;
	if (i < n)
		return false;
	if (ours->n == theirs->n || (i == ours->n && ours->cut) ||
	    (i == theirs->n && theirs->cut)) {
		r->identical++;
		return true;
	}
	return false;
}

static void keep_module(struct record *r, uintptr_t pc)
{
	struct dl_find_object found;
	struct record_module *m;

	for (uint64_t i = 0; i < r->n_modules; i++)
		if (pc >= r->module[i].start && pc < r->module[i].end)
			return;
	if (r->n_modules == RECORD_MODULES || _dl_find_object((void *)pc, &found) != 0)
		return;
	m = &r->module[r->n_modules++];
	m->start = (uintptr_t)found.dlfo_map_start;
	m->end = (uintptr_t)found.dlfo_map_end;
	m->base = found.dlfo_link_map->l_addr;
	strncpy(m->path, found.dlfo_link_map->l_name, sizeof(m->path) - 1);
	if (m->path[0] == 0 && readlink("/proc/self/exe", m->path, sizeof(m->path) - 1) < 0)
		m->path[0] = 0;
}

static uint32_t copy_frames(struct record *r, uint64_t *to, const struct both_stack *from)
{
	unsigned n = CP_MIN(from->n, (unsigned)RECORD_FRAMES);

	for (unsigned i = 0; i < n; i++) {
		to[i] = from->pc[i];
		keep_module(r, from->pc[i]);
	}
	return from->n;
}

static bool is_code(uintptr_t pc)
{
	struct dl_find_object found;

	return _dl_find_object((void *)pc, &found) == 0;
}

static uint32_t kind_of(const struct both_stack *ours, const struct both_stack *theirs, unsigned at)
{
	if (at < ours->n && at < theirs->n)
		return RECORD_OTHER;
	if (at < ours->n)
		return RECORD_LONGER;
	return is_code(theirs->pc[at]) ? RECORD_SHORTER : RECORD_NOISE;
}

/* What tells differences apart: the pc of the frame both walkers still share,
 * for its rule is the one they read differently. */
void record_diff(struct record *r, const struct both_stack *ours, const struct both_stack *theirs,
		 unsigned at, unsigned truth)
{
	uint32_t kind = kind_of(ours, theirs, at);
	uintptr_t pc = at > 0 ? theirs->pc[at - 1] : 0;
	struct record_diff *d = r->diff;

	for (uint64_t i = 0; i < r->n_diffs; i++, d++) {
		if (d->pc == pc && d->kind == kind && d->truth == truth) {
			d->count++;
			return;
		}
	}
	if (r->n_diffs == RECORD_DIFFS) {
		r->lost_diffs++;
		return;
	}
	*d = (struct record_diff){.count = 1, .pc = pc, .kind = kind, .at = at, .truth = truth};
	d->n_ours = copy_frames(r, d->ours, ours);
	d->n_theirs = copy_frames(r, d->theirs, theirs);
	keep_module(r, pc);
	r->n_diffs++;
}
