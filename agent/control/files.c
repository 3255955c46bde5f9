/* SPDX-License-Identifier: MIT */
/*
 * files.c - one snapshot's files: written aside, then renamed into place
 *
 * Context  CONTROL; EXIT: cp_files_abandon, on another thread at the same time
 * Calls    system calls, dir.c, name.c.
 * Shared   st.shared, in memory a forked child finds zeroed: the snapshot counter,
 *          the flags of an ending process (relaxed: a late sight costs an fsync or a
 *          needless line), the paths of temporary files (written before their state).
 * Order    A temporary file's state is changed by one instruction alone. The job's thread takes
 *          it from NONE to MAKING, when the path is whole, to THERE, and back; who ends the
 *          process takes it to LEFT, after which nothing is made, and removes what was THERE.
 *          While one is MAKING he waits: he would find nothing yet, and the kernel finishes
 *          a call even for a process that ends.
 * Holds    see files.h. A temporary file is locked while it is written: by that a
 *          sweep in another pid namespace knows that it is alive.
 * Fails    see files.h
 */
#include "files.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/calendar.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "exe.h"
#include "reason.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/file.h>

enum { NONE, MAKING, THERE, LEFT }; /* a temporary file; see Order */

#define MAKING_NS 100000000LL /* as long as the snapshot at exit is waited for */

struct shared {
	uint32_t seq;	   /* the last snapshot's number */
	uint32_t told_own; /* the line about /tmp has been written */
	uint32_t hurry;	   /* the process is ending */
	uint32_t abandoned;
	uint32_t state[CP_TYPES]; /* side by side: all that most processes touch when they end */
	char path[CP_TYPES][1024 + CP_NAME_MAX];
};

static struct {
	struct shared *shared;
} st;

int cp_files_init(void)
{
	st.shared = cp_mem_wiped(sizeof(*st.shared));
	return st.shared ? 0 : -ENOMEM;
}

/* False: the process ends. */
static bool change(unsigned i, uint32_t from, uint32_t to)
{
	return cp_cas_acqrel(&st.shared->state[i], &from, to); /* see Order */
}

static bool note(const struct cp_files *f, unsigned i)
{
	struct cp_buf b = CP_BUF(st.shared->path[i]);

	if (cp_load_rlx(&st.shared->state[i]) == LEFT)
		return false; /* the path is being read */
	cp_buf_fmt(&b, "%s/%s", f->dir.path, f->file[i].temp);
	return change(i, NONE, MAKING);
}

void cp_files_hurry(void)
{
	cp_store_rlx(&st.shared->hurry, 1);
}

bool cp_files_abandoned(void)
{
	return cp_load_rlx(&st.shared->abandoned);
}

/* A disk that hangs is not waited for. */
static void wait_while_making(uint32_t *state, int64_t until)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	while (cp_load_rlx(state) == MAKING && cp_now_ns(CLOCK_MONOTONIC) < until)
		cp_sys_futex_wait(state, MAKING, &ms);
}

void cp_files_abandon(void)
{
	int64_t until = cp_now_ns(CLOCK_MONOTONIC) + MAKING_NS;

	cp_store_rlx(&st.shared->abandoned, 1);
	/* First of all no other is to be made: so it is one at most that is waited for. */
	for (unsigned i = 0; i < CP_TYPES; i++)
		change(i, NONE, LEFT);
	for (unsigned i = 0; i < CP_TYPES; i++) {
		wait_while_making(&st.shared->state[i], until);
		/* What isn't there by now may come to be another process's. */
		if (cp_xchg_acqrel(&st.shared->state[i], LEFT) == THERE) /* see Order */
			CP_SYS(SYS_unlinkat, AT_FDCWD, st.shared->path[i], 0);
	}
}

/* Locked, and not removed before that as a leftover (retention.c). Where there are no locks, nobody
 * else takes any. */
static bool is_kept(const struct cp_files *f, const char *temp, int fd)
{
	return CP_SYS(SYS_flock, fd, LOCK_EX | LOCK_NB) != -EAGAIN &&
	       cp_dir_leads_to(f->dir.fd, temp, fd);
}

/* Its name may be another's. */
static void forget(struct cp_file *file, unsigned i)
{
	if (file->fd >= 0)
		cp_sys_close(file->fd);
	file->fd = -1;
	change(i, THERE, NONE);
}

static void discard(struct cp_files *f, unsigned i)
{
	struct cp_file *file = &f->file[i];

	if (file->fd >= 0)
		CP_SYS(SYS_unlinkat, f->dir.fd, file->temp, 0);
	forget(file, i);
}

/* Is a finished file of that name there? Whoever else would write it has to hold the
 * temporary one, as we do by now: so the answer stays true. */
static bool is_taken(const struct cp_files *f, unsigned i)
{
	char final[CP_NAME_MAX];

	cp_name_build(final, cp_exe_name(), &f->name, f->file[i].type, false);
	return CP_SYS(SYS_faccessat, f->dir.fd, final, F_OK) == 0;
}

static int open_temp(struct cp_files *f, unsigned i)
{
	struct cp_file *file = &f->file[i];
	long fd;
	int r;

	cp_name_build(file->temp, cp_exe_name(), &f->name, file->type, true);
	if (!note(f, i))
		return -ECANCELED;
	fd = cp_sys_openat(f->dir.fd, file->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	file->fd = (int)fd;
	r = fd < 0 ? (int)fd : is_taken(f, i) ? -EEXIST : 0;
	if (!change(i, MAKING, fd < 0 ? NONE : THERE) && !r)
		r = -ECANCELED;
	if (!r && !is_kept(f, file->temp, file->fd)) {
		forget(file, i);
		return -EEXIST;
	}
	if (r) {
		discard(f, i);
		return r;
	}
	CP_SYS(SYS_fchmod, fd, 0600); /* whatever the host's umask is */
	return 0;
}

/* Another process may have the same pid, second and number: in another pid namespace
 * or before an exec. Then the next number is tried. */
static int open_all(struct cp_files *f)
{
	int r = 0;

	for (unsigned tries = 0; tries < 100; tries++) {
		unsigned i = 0;

		f->name.seq = ++st.shared->seq;
		while (i < f->n && !(r = open_temp(f, i)))
			i++;
		if (i == f->n)
			return 0;
		while (i-- > 0)
			discard(f, i);
		if (r != -EEXIST)
			break;
	}
	st.shared->seq--; /* the next snapshot gets this number */
	return r;
}

/* Errors that say that this is no place for us, not that the disk has a problem. */
static bool is_no_place(int error)
{
	return error == -EACCES || error == -EPERM || error == -EROFS || error == -ENOENT ||
	       error == -ENOTDIR || error == -ELOOP || error == -ENAMETOOLONG;
}

/* For the line that says so: what was asked for comes first. */
static void name_both(struct cp_files *f, const char *configured, int why)
{
	char own[64];
	struct cp_buf o = CP_BUF(own), b = CP_BUF(f->dir.path);

	cp_buf_str(&o, f->dir.path);
	cp_buf_fmt(&b, "%s (%s), nor to %s", configured, cp_reason(why), own);
}

static int begin_own(struct cp_files *f, int why)
{
	char configured[sizeof(f->dir.path)];
	struct cp_buf b = CP_BUF(configured);
	int r;

	cp_buf_str(&b, f->dir.path);
	r = cp_dir_open_own(&f->dir);
	if (!r) {
		r = open_all(f);
		if (r)
			cp_dir_close(&f->dir);
	}
	if (!st.shared->told_own && !r) {
		st.shared->told_own = 1;
		cp_log("can't write to %s: %s; files go to %s instead", configured, cp_reason(why),
		       f->dir.path);
	}
	if (r)
		name_both(f, configured, why);
	return r;
}

int cp_files_begin(struct cp_files *f, const char *const *types, unsigned n, int64_t now, bool sync)
{
	struct cp_buf stamp = CP_BUF(f->name.stamp);
	int r;

	cp_calendar_stamp(&stamp, now);
	f->name.pid = (uint32_t)cp_sys_getpid();
	f->sync = sync;
	f->n = n;
	for (unsigned i = 0; i < n; i++)
		f->file[i] = (struct cp_file){.type = types[i], .fd = -1};
	r = cp_dir_open_configured(&f->dir);
	if (!r) {
		r = open_all(f);
		if (!r)
			return 0;
		cp_dir_close(&f->dir);
	}
	return is_no_place(r) ? begin_own(f, r) : r;
}

int cp_file_write(void *ctx, const void *buf, size_t n)
{
	struct cp_file *file = ctx;
	const char *p = buf;

	while (n && !file->error) {
		long r = cp_sys_write(file->fd, p, n);

		if (r == -EINTR)
			continue;
		if (r <= 0) {
			file->error = r < 0 ? (int)r : -EIO;
			break;
		}
		p += r;
		n -= (size_t)r;
		file->size += (uint64_t)r;
	}
	return file->error;
}

/* Renames, but never over a file that is there. Where the file system can't promise
 * that by itself, a link can; and where it has none, is_taken() has. */
static int put_in_place(struct cp_files *f, struct cp_file *file)
{
	char final[CP_NAME_MAX];
	long r;

	cp_name_build(final, cp_exe_name(), &f->name, file->type, false);
	r = CP_SYS(SYS_renameat2, f->dir.fd, file->temp, f->dir.fd, final, RENAME_NOREPLACE);
	if (r != -EINVAL && r != -ENOSYS)
		return (int)r;
	r = CP_SYS(SYS_linkat, f->dir.fd, file->temp, f->dir.fd, final, 0);
	if (!r)
		CP_SYS(SYS_unlinkat, f->dir.fd, file->temp, 0);
	else if (r == -EPERM || r == -EOPNOTSUPP || r == -ENOSYS)
		r = CP_SYS(SYS_renameat, f->dir.fd, file->temp, f->dir.fd, final);
	return (int)r;
}

static void take_back(struct cp_files *f, const struct cp_file *file)
{
	char final[CP_NAME_MAX];

	cp_name_build(final, cp_exe_name(), &f->name, file->type, false);
	CP_SYS(SYS_unlinkat, f->dir.fd, final, 0);
}

static void finish(struct cp_files *f, unsigned i)
{
	struct cp_file *file = &f->file[i];
	long r;

	if (!file->error && f->sync && !cp_load_rlx(&st.shared->hurry)) {
		r = CP_SYS(SYS_fsync, file->fd);
		/* A file system without fsync has done what it can. */
		if (r < 0 && r != -EINVAL && r != -EROFS)
			file->error = (int)r;
	}
	if (!file->error)
		file->error = put_in_place(f, file);
	if (file->error) {
		discard(f, i);
		return;
	}
	change(i, THERE, NONE);
	r = cp_sys_close(file->fd);
	file->fd = -1;
	/* Some network file systems say only now that nothing was stored. The lock is held until
	 * then, so the file is in place already. */
	if (r < 0 && r != -EINTR) {
		file->error = (int)r;
		take_back(f, file);
	}
}

void cp_files_end(struct cp_files *f)
{
	for (unsigned i = 0; i < f->n; i++)
		finish(f, i);
	if (f->sync && !cp_load_rlx(&st.shared->hurry))
		cp_dir_sync(&f->dir);
}
