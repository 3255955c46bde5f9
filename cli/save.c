/* SPDX-License-Identifier: MIT */
/*
 * save.c - a profile into a file, whole or not at all
 *
 * Context  the cprof program.
 * Holds    Written beside its place under another name, synced, renamed. A pipe or a
 *          device is written as it is.
 * Fails    After one line; what was there before is untouched.
 */
#include "save.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_fd(void *ctx, const void *buf, size_t n)
{
	const char *p = buf;

	while (n) {
		ssize_t done = write(*(int *)ctx, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_to(const struct cp_load *l, int fd)
{
	struct cp_sink sink = {write_fd, &fd};

	return cp_profile_write(l->profile, &sink, &l->region.alloc);
}

/* Profiles tell what a program does: like the agent's own files, for the owner only. */
static int write_replacing(const struct cp_load *l, const char *path)
{
	char *temporary;
	int fd, err;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	err = fd < 0 ? -errno : write_to(l, fd);
	if (!err && fsync(fd))
		err = -errno;
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(temporary);
	free(temporary);
	return err;
}

static int write_in_place(const struct cp_load *l, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : write_to(l, fd);

	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	return err;
}

static int write_path(const struct cp_load *l, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : write_in_place(l, path);
	return write_replacing(l, path);
}

int cp_save(const struct cp_load *l, const char *path)
{
	bool to_stdout = !path || !strcmp(path, "-");
	int err = to_stdout ? write_to(l, STDOUT_FILENO) : write_path(l, path);

	if (!err)
		return CP_STATUS_OK;
	if (!to_stdout || err != -EPIPE)
		cp_complain("%s: %s; %s", to_stdout ? "standard output" : path, strerror(-err),
			    to_stdout ? "what came out is not whole" : "nothing was written");
	return CP_STATUS_FAILED;
}
