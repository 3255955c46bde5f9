/* SPDX-License-Identifier: MIT */
/*
 * merge.c - cprof merge: several profiles into one, or the difference of two
 *
 * Context  the cprof program.
 * Holds    The file appears whole or not at all: written beside its place under
 *          another name, synced, renamed. A pipe or a device is written as it is.
 * Fails    After one line; what was there before is untouched.
 */
#include "command.h"
#include "load.h"

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

static int write_out(const struct cp_load *l, const char *path)
{
	bool to_stdout = !path || !strcmp(path, "-");
	int err = to_stdout ? write_to(l, STDOUT_FILENO) : write_path(l, path);

	if (!err)
		return CP_STATUS_OK;
	if (!to_stdout || err != -EPIPE)
		cp_complain("%s: %s; nothing was written", to_stdout ? "standard output" : path,
			    strerror(-err));
	return CP_STATUS_FAILED;
}

/* Leaves no sample of zero and nothing that only such samples used. */
static bool tidy(struct cp_load *l)
{
	const char *why = "out of memory";
	struct cp_profile *p = cp_profile_merge(l->profile, NULL, 1, &l->region.alloc, &why);

	if (!p) {
		cp_complain("merge: %s", why);
		return false;
	}
	l->profile = p;
	return true;
}

static int run(int argc, char **argv)
{
	struct cp_words files = {NULL, 0}, bases = {NULL, 0};
	const char *out = NULL;
	const struct cp_option options[] = {
		{"o", "output", .text = &out},
		{"base", NULL, .list = &bases},
		{.name = NULL},
	};
	struct cp_load l;
	int status = CP_STATUS_FAILED;

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_ANYWHERE, &files))
		return CP_STATUS_USAGE;
	if (!files.n) {
		cp_complain("merge: no file given; 'cprof help merge' says more");
		return CP_STATUS_USAGE;
	}
	if (!out && isatty(STDOUT_FILENO)) {
		cp_complain("merge: a profile is not for a terminal; give -o FILE");
		return CP_STATUS_USAGE;
	}
	if (!cp_load_all(&l, &files, &bases))
		return CP_STATUS_FAILED;
	if (tidy(&l))
		status = write_out(&l, out);
	cp_load_release(&l);
	return status;
}

const struct cp_command cp_command_merge = {
	.name = "merge",
	.synopsis = "[-o OUT] [--base FILE] FILE...",
	.summary = "add profiles up, or subtract one, into a new file",
	.help = "  -o OUT        write there, not to standard output\n"
		"  --base FILE   subtract FILE; may be given again\n",
	.run = run,
};
