/* SPDX-License-Identifier: MIT */
/*
 * answer.c - the files a process writes for a request of ours
 *
 * Context  the cprof program.
 * Holds    see answer.h
 * Why      The folder is the only thing both sides surely share; so nothing need be
 *          opened in the process to hear from it.
 */
#include "answer.h"

#include "../agent/output/profile.h"
#include "command.h"
#include "slurp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPACKED_MAX ((size_t)1 << 30)

/* A folder while it is looked through. */
struct place {
	char *folder;
	int fd;
	bool shared; /* others may write there */
};

static bool remember(struct cp_words *words, char *word)
{
	if (word && cp_words_add(words, word))
		return true;
	free(word);
	return false;
}

static char *printed(const char *fmt, ...) CP_PRINTF(1, 2);

static char *printed(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

/* A relative folder is one of where it was started, which the shell left in PWD, and
 * where it most likely still is. */
static bool add_folders(struct cp_answer *a, const struct cp_process *p)
{
	const char *dir = cp_process_variable(p, "CPROF_DIR");
	const char *start = cp_process_variable(p, "PWD");
	bool ok;

	if (!dir || !*dir)
		dir = ".";
	if (*dir == '/')
		ok = remember(&a->folders, printed("%s%s", p->root, dir));
	else
		ok = remember(&a->folders,
			      printed("/proc/%d/task/%d/cwd/%s", (int)p->pid, (int)p->tid, dir)) &&
		     (!start || remember(&a->folders, printed("%s%s/%s", p->root, start, dir)));
	return ok;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

/* NAME.PID.TIME.SEQ.TYPE.pb.gz of this process; NAME may have dots. */
static bool is_its_profile(const struct cp_answer *a, const char *name)
{
	char pid[32];

	snprintf(pid, sizeof(pid), ".%d.", (int)a->pid);
	return name[0] != '.' && ends_with(name, ".pb.gz") && strstr(name, pid);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Path is kept, or freed. */
static void note_known(struct cp_answer *a, char *path)
{
	char *const *node = path ? tsearch(path, &a->known, by_name) : NULL;

	if (!node || *node != path)
		free(path);
}

static bool is_its(const struct cp_answer *a, const struct stat *sb)
{
	const uid_t *uid = a->process->uid;

	for (unsigned i = 0; i < CP_PROCESS_UIDS; i++) {
		if (sb->st_uid == uid[i])
			return true;
	}
	return !sb->st_uid;
}

/* May others than its owner put a file there? */
static bool is_shared(int folder)
{
	struct stat sb;

	return fstat(folder, &sb) || (sb.st_mode & (S_IWGRP | S_IWOTH));
}

/* Whoever the process has become since: of the user whom it is named after. */
static bool is_private(const struct cp_answer *a, const struct stat *sb)
{
	return (sb->st_uid == a->own_uid || !sb->st_uid) && !(sb->st_mode & 077);
}

/* In /tmp anyone may have put a link or a folder of that name. */
static DIR *open_folder(const struct cp_answer *a, const char *folder)
{
	bool own = folder == a->own;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (own ? O_NOFOLLOW : 0));
	struct stat sb;
	DIR *d = NULL;

	if (fd >= 0 && (!own || (!fstat(fd, &sb) && is_private(a, &sb))))
		d = fdopendir(fd);
	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static void note_folder(struct cp_answer *a, const char *folder)
{
	DIR *d = open_folder(a, folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (is_its_profile(a, e->d_name))
			note_known(a, printed("%s/%s", folder, e->d_name));
	}
	if (d)
		closedir(d);
}

bool cp_answer_init(struct cp_answer *a, const struct cp_process *p, const char *dir,
		    uint32_t nonce)
{
	*a = (struct cp_answer){.process = p,
				.pid = p->own_pid,
				.own_uid = p->uid[CP_PROCESS_EUID],
				.nonce = nonce};
	if (!(dir ? remember(&a->folders, strdup(dir)) : add_folders(a, p)))
		return false;
	/* Where it writes when it may not write there: a server's worker, say. */
	if (!remember(&a->folders, printed("%s/tmp/cprof-%u", p->root, a->own_uid)))
		return false;
	a->own = a->folders.word[a->folders.n - 1];
	for (size_t i = 0; i < a->folders.n; i++)
		note_folder(a, a->folders.word[i]);
	return true;
}

static bool has_nonce(const struct cp_profile *p, uint32_t nonce)
{
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "request=%06x", nonce);
	for (unsigned i = 0; i < p->head.ncomments; i++) {
		if (!strcmp(p->head.comments[i], wanted))
			return true;
	}
	return false;
}

/* Neither a link's target is read, nor does a pipe make us wait. -EPERM: another user's. */
static int open_its(const struct cp_answer *a, const struct place *in, const char *name)
{
	int fd = openat(in->fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat sb;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &sb) || !S_ISREG(sb.st_mode))
		err = -EINVAL;
	else if (in->shared && !is_its(a, &sb))
		err = -EPERM;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Closes fd. */
static bool answers(const struct cp_answer *a, int fd)
{
	struct cp_region region;
	struct cp_bytes file;
	struct cp_profile *p = NULL;
	const char *why;
	bool yes;

	cp_region_init(&region);
	if (!cp_slurp_fd(fd, &region, &file))
		p = cp_profile_read(file.data, file.size,
				    cp_slurp_unpacked_max(file.size, UNPACKED_MAX), &region.alloc,
				    &why);
	yes = p && has_nonce(p, a->nonce);
	cp_region_release(&region);
	close(fd);
	return yes;
}

/* Up to and with the dot before TYPE.pb.gz. */
static char *prefix_of(const char *name)
{
	size_t n = strlen(name) - strlen(".pb.gz");

	while (n && name[n - 1] != '.')
		n--;
	return strndup(name, n);
}

static bool look_at(struct cp_answer *a, const struct place *in, const char *name)
{
	char *path;
	int fd;

	if (!is_its_profile(a, name))
		return false;
	path = printed("%s/%s", in->folder, name);
	if (!path || tfind(path, &a->known, by_name)) {
		free(path);
		return false;
	}
	fd = open_its(a, in, name);
	if (fd == -EPERM) { /* now: the process may become that user */
		free(path);
		return false;
	}
	if (fd >= 0 && answers(a, fd)) {
		free(path);
		a->folder = in->folder;
		a->prefix = prefix_of(name);
		return a->prefix;
	}
	note_known(a, path);
	return false;
}

static bool find_in(struct cp_answer *a, char *folder)
{
	DIR *d = open_folder(a, folder);
	struct place in = {.folder = folder};
	struct dirent *e;
	bool found = false;

	if (!d)
		return false;
	in.fd = dirfd(d);
	in.shared = is_shared(in.fd);
	while (!found && (e = readdir(d)))
		found = look_at(a, &in, e->d_name);
	closedir(d);
	return found;
}

/* Is a file of the same snapshot still being written? */
static bool is_unfinished(const struct cp_answer *a)
{
	DIR *d = open_folder(a, a->folder);
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = e->d_name[0] == '.' && ends_with(e->d_name, ".tmp") &&
			!strncmp(e->d_name + 1, a->prefix, strlen(a->prefix));
	if (d)
		closedir(d);
	return found;
}

bool cp_answer_is_there(struct cp_answer *a)
{
	for (size_t i = 0; !a->prefix && i < a->folders.n; i++) {
		if (find_in(a, a->folders.word[i]))
			break;
	}
	return a->prefix && !is_unfinished(a);
}

void cp_answer_print(const struct cp_answer *a)
{
	struct dirent **entry;
	int n = scandir(a->folder, &entry, NULL, alphasort);
	char *folder = realpath(a->folder, NULL);

	for (int i = 0; i < n; i++) {
		const char *name = entry[i]->d_name;

		if (!strncmp(name, a->prefix, strlen(a->prefix)) && ends_with(name, ".pb.gz"))
			printf("%s/%s\n", folder ? folder : a->folder, name);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	free(folder);
}

bool cp_answer_has(const struct cp_answer *a, const char *type)
{
	char *path = printed("%s/%s%s.pb.gz", a->folder, a->prefix, type);
	bool has = path && !access(path, F_OK);

	free(path);
	return has;
}
