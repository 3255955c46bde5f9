/* SPDX-License-Identifier: MIT */
/*
 * load.c - files into one profile: read, summed, with base files subtracted
 *
 * Context  the cprof program.
 * Holds    sum = files read so far - bases read so far.
 * Why      A merge shares strings with what it was made of, so the sources stay.
 *          Every FOLD_EVERY files, or sooner when they are large, the sum is
 *          written out and read back into a region of its own, and all sources
 *          go: a week of hourly snapshots needs the memory of a few.
 */
#include "load.h"

#include "command.h"
#include "slurp.h"
#include "totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FOLD_EVERY   16
#define FOLD_BYTES   ((size_t)256 << 20)
#define UNPACKED_MAX ((size_t)2 << 30) /* what a file may unpack to */

static struct cp_profile *read_file(const char *path, struct cp_region *region)
{
	struct cp_bytes file;
	struct cp_profile *p;
	const char *why = "not a profile";

	if (!cp_slurp(path, region, &file))
		return NULL;
	p = cp_profile_read(file.data, file.size, cp_slurp_unpacked_max(file.size, UNPACKED_MAX),
			    &region->alloc, &why);
	if (!p)
		cp_slurp_complain(path, &file, why);
	region->alloc.free(region, file.data);
	return p;
}

struct sink_memory {
	struct cp_region *region;
	struct cp_bytes bytes;
	size_t room;
};

static int append(void *ctx, const void *buf, size_t n)
{
	struct sink_memory *m = ctx;

	if (m->bytes.size + n > m->room) {
		size_t room = (m->bytes.size + n) * 2;
		unsigned char *p = m->region->alloc.alloc(m->region, room);

		if (!p)
			return -ENOMEM;
		if (m->bytes.size)
			memcpy(p, m->bytes.data, m->bytes.size);
		m->region->alloc.free(m->region, m->bytes.data);
		m->bytes.data = p;
		m->room = room;
	}
	memcpy(m->bytes.data + m->bytes.size, buf, n);
	m->bytes.size += n;
	return 0;
}

/* Moves one region's contents to another: the blocks only know their neighbours. */
static void move_region(struct cp_region *to, struct cp_region *from)
{
	cp_region_init(to);
	if (from->ring.next == &from->ring)
		return;
	to->ring = from->ring;
	to->taken = from->taken;
	to->ring.next->prev = to->ring.prev->next = &to->ring;
	cp_region_init(from);
}

/* Leaves in l only what the sum itself needs. */
static bool fold(struct cp_load *l)
{
	struct cp_region fresh;
	struct sink_memory m = {.region = &fresh};
	struct cp_sink sink = {append, &m};
	const char *why = "out of memory";

	cp_region_init(&fresh);
	if (!cp_profile_write(l->profile, &sink, &fresh.alloc))
		l->profile = cp_profile_read(m.bytes.data, m.bytes.size, UNPACKED_MAX, &fresh.alloc,
					     &why);
	else
		l->profile = NULL;
	cp_region_release(&l->region);
	move_region(&l->region, &fresh);
	if (!l->profile)
		cp_complain("summing the files: %s", why);
	return l->profile;
}

static bool is_window(const struct cp_profile *p)
{
	for (unsigned i = 0; i < p->head.ncomments; i++)
		if (!strncmp(p->head.comments[i], "window=", 7))
			return true;
	return false;
}

/* Windows and totals have the same names and folders. */
static void warn_of_windows(const struct cp_load *l, size_t files)
{
	if (l->windows && l->windows < files)
		cp_complain("%zu of these %zu files are windows of time ('cprof snap --seconds'), "
			    "which the others have in them too: that counts twice",
			    l->windows, files);
}

static bool add(struct cp_load *l, const char *path, int64_t factor)
{
	struct cp_profile *p = read_file(path, &l->region);
	const char *why = "out of memory";

	if (!p)
		return false;
	if (factor > 0 && is_window(p))
		l->windows++;
	else if (factor > 0 && !cp_words_add(&l->totals, (char *)path))
		return false;
	if (l->profile)
		p = cp_profile_merge(l->profile, p, factor, &l->region.alloc, &why);
	if (!p)
		cp_complain("%s: can't be %s the other files: %s%s", path,
			    factor > 0 ? "added to" : "subtracted from", why,
			    strncmp(why, "incompatible", 12) ? "" : "; give files of one type");
	l->profile = p;
	return p;
}

static bool is_time_to_fold(const struct cp_load *l, size_t file)
{
	return file % FOLD_EVERY == FOLD_EVERY - 1 || (file && l->region.taken > FOLD_BYTES);
}

static bool add_all(struct cp_load *l, const struct cp_words *files, int64_t factor)
{
	for (size_t i = 0; i < files->n; i++) {
		if (!add(l, files->word[i], factor))
			return false;
		if (is_time_to_fold(l, i) && !fold(l))
			return false;
	}
	return true;
}

bool cp_load_all(struct cp_load *l, const struct cp_words *files, const struct cp_words *bases)
{
	cp_region_init(&l->region);
	l->profile = NULL;
	l->windows = 0;
	l->totals = (struct cp_words){NULL, 0};
	if (add_all(l, files, 1) && add_all(l, bases, -1)) {
		warn_of_windows(l, files->n);
		if (!bases->n)
			cp_totals_warn(&l->totals);
		return true;
	}
	cp_load_release(l);
	return false;
}

void cp_load_release(struct cp_load *l)
{
	cp_region_release(&l->region);
	free(l->totals.word);
	l->totals = (struct cp_words){NULL, 0};
	l->profile = NULL;
}
