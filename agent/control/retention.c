/* SPDX-License-Identifier: MIT */
/*
 * retention.c - keeps a directory within CPROF_KEEP and CPROF_MAX_BYTES
 *
 * Context  CONTROL; several processes may do it at once in one directory
 * Calls    system calls, dir.c, name.c, sort.c.
 * Holds    see retention.h. Age is read from names, not from the files' times,
 *          which a copy or a backup changes.
 * Fails    What can't be listed or removed stays; the next snapshot tries again.
 */
#include "retention.h"

#include "../rt/sort.h"
#include "../rt/sys.h"
#include "exe.h"
#include "name.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

struct entry {
	struct entry *next;
	struct cp_name name;
	uint64_t size;
	char *file;
};

struct listing {
	struct cp_arena *job;
	int fd;
	struct entry *first;
	size_t n;
};

/* Is its process gone, or was this one before an exec? In another pid namespace there may be one
 * of that number all the same. */
static bool may_be_left(uint32_t pid)
{
	return (long)pid == cp_sys_getpid() || CP_SYS(SYS_kill, pid, 0) == -ESRCH;
}

/* Nobody writes it any more when nobody holds its lock; but whoever has just made it may not have
 * come so far. So it goes with the lock held, and who finds it taken, or the file without a name
 * afterwards, makes another (files.c). */
static void remove_if_left(int dir, const char *file)
{
	int fd = (int)cp_sys_openat(dir, file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (CP_SYS(SYS_flock, fd, LOCK_EX | LOCK_NB) != -EAGAIN && cp_dir_leads_to(dir, file, fd))
		CP_SYS(SYS_unlinkat, dir, file, 0);
	cp_sys_close(fd);
}

static void add(struct listing *l, const char *file, const struct cp_name *name)
{
	struct entry *e = cp_arena_alloc(l->job, sizeof(*e));
	struct stat sb;

	if (!e || CP_SYS(SYS_newfstatat, l->fd, file, &sb, AT_SYMLINK_NOFOLLOW))
		return;
	e->file = cp_arena_strdup(l->job, file, strlen(file));
	if (!e->file)
		return;
	e->name = *name;
	e->size = (uint64_t)sb.st_size;
	e->next = l->first;
	l->first = e;
	l->n++;
}

static void look_at(void *ctx, const char *file)
{
	struct listing *l = ctx;
	struct cp_name name;
	bool temporary;

	if (!cp_name_parse(file, cp_exe_name(), &name, &temporary))
		return;
	if (!temporary)
		add(l, file, &name);
	else if (may_be_left(name.pid))
		remove_if_left(l->fd, file);
}

static int newest_first(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return -cp_name_compare(&(*x)->name, &(*y)->name);
}

/* Walks from the newest: what lies behind either bound goes, whole snapshots at a
 * time; once one has gone, all that are older go too. */
static void prune(struct listing *l, struct entry **sorted, uint64_t keep, uint64_t max_bytes)
{
	uint64_t snapshots = 0, bytes = 0;
	bool full = false;

	for (size_t i = 0, end; i < l->n; i = end) {
		uint64_t size = 0;

		for (end = i; end < l->n && !cp_name_compare(&sorted[i]->name, &sorted[end]->name);
		     end++)
			size += sorted[end]->size;
		bytes += size;
		full = full || (snapshots > 0 && (snapshots >= keep || bytes > max_bytes));
		snapshots++;
		for (size_t j = i; full && j < end; j++)
			CP_SYS(SYS_unlinkat, l->fd, sorted[j]->file, 0);
	}
}

void cp_retention_apply(struct cp_arena *job, const struct cp_dir *dir, uint64_t keep,
			uint64_t max_bytes)
{
	struct listing l = {.job = job};
	struct entry **sorted;
	size_t i = 0;

	l.fd = (int)cp_sys_openat(dir->fd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (l.fd < 0)
		return;
	cp_dir_each(l.fd, look_at, &l);
	sorted = cp_arena_alloc(job, l.n * sizeof(struct entry *));
	for (struct entry *e = l.first; sorted && e; e = e->next)
		sorted[i++] = e;
	if (sorted) {
		cp_sort(sorted, l.n, sizeof(struct entry *), newest_first);
		prune(&l, sorted, keep, max_bytes);
	}
	cp_sys_close(l.fd);
}
