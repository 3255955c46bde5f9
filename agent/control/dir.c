/* SPDX-License-Identifier: MIT */
/*
 * dir.c - the directory the files go to: CPROF_DIR, or one of our own in /tmp
 *
 * Context  CONTROL
 * Calls    system calls only.
 * Holds    see dir.h
 * Fails    -errno, said by the caller in one line.
 * Why      /tmp is everybody's: a link or directory put there by someone else
 *          would make us write where they please, so owner and mode are read from
 *          the opened directory itself, not from its name.
 */
#include "dir.h"

#include "../rt/buf.h"
#include "../rt/sys.h"
#include "config.h"

#include <errno.h>
#include <string.h>

static int make_one(const char *path)
{
	long r = CP_SYS(SYS_mkdirat, AT_FDCWD, path, 0700);

	return r == -EEXIST ? 0 : (int)r;
}

/* Makes every missing directory on the way; path is given back as it was. */
static void make_parents(char *path)
{
	for (char *s = path + 1; *s; s++) {
		if (*s != '/')
			continue;
		*s = 0;
		make_one(path);
		*s = '/';
	}
}

static int open_path(struct cp_dir *d, int flags)
{
	d->fd = (int)cp_sys_open(d->path, O_PATH | O_DIRECTORY | flags, 0);
	return d->fd < 0 ? d->fd : 0;
}

int cp_dir_open_configured(struct cp_dir *d)
{
	int r;

	memcpy(d->path, cp_config.dir, sizeof(d->path));
	r = open_path(d, 0);
	if (r != -ENOENT)
		return r;
	make_parents(d->path);
	r = make_one(d->path);
	return r ? r : open_path(d, 0);
}

int cp_dir_open_own(struct cp_dir *d)
{
	struct cp_buf b = CP_BUF(d->path);
	uint32_t uid = (uint32_t)CP_SYS(SYS_geteuid);
	struct stat sb;
	int r;

	cp_buf_fmt(&b, "/tmp/cprof-%u", uid);
	r = make_one(d->path);
	if (r < 0)
		return r;
	r = open_path(d, O_NOFOLLOW);
	if (r < 0)
		return r;
	r = (int)cp_sys_fstat(d->fd, &sb);
	if (!r && (sb.st_uid != uid || (sb.st_mode & 077)))
		r = -EPERM;
	if (r < 0)
		cp_dir_close(d);
	return r;
}

void cp_dir_close(struct cp_dir *d)
{
	if (d->fd >= 0)
		cp_sys_close(d->fd);
	d->fd = -1;
}

bool cp_dir_leads_to(int dir, const char *name, int fd)
{
	struct stat here, there;

	return cp_sys_fstat(fd, &here) == 0 &&
	       CP_SYS(SYS_newfstatat, dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

struct dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

void cp_dir_each(int fd, cp_dir_name_fn *fn, void *ctx)
{
	char block[4096] __attribute__((aligned(8)));
	long n;

	while ((n = CP_SYS(SYS_getdents64, fd, block, sizeof(block))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent64 *e = (const void *)(block + at);

			at += e->reclen;
			fn(ctx, e->name);
		}
}

void cp_dir_sync(const struct cp_dir *d)
{
	int fd = (int)cp_sys_openat(d->fd, ".", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return; /* not readable: the names are safe in the file system's own time */
	CP_SYS(SYS_fsync, fd);
	cp_sys_close(fd);
}
