/* SPDX-License-Identifier: MIT */
/*
 * target.c - can a preloaded library reach this program?
 *
 * Context  the cprof program.
 * Calls    pread: the file is read, never mapped nor run.
 * Fails    Open: what we can't judge is let through, the kernel has the last word.
 */
#include "target.h"

#include "command.h"
#include "find.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX  5 /* scripts that name scripts: the kernel's own limit */
#define FIRST_LINE 256

/* Our own header, placed by the linker: what we are is what the library is. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct target {
	const char *path;
	int fd;
	ElfW(Ehdr) elf;
	char loader[PATH_MAX]; /* "": none */
};

static int check(const char *path, int depth);

static int refuse(const struct target *t, const char *what, const char *now)
{
	cp_complain("%s: %s; %s", t->path, what, now);
	return CP_STATUS_NOT_RUNNABLE;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- programs --------------------------------------------------------------- */

static int check_machine(const struct target *t)
{
	if (t->elf.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS])
		return refuse(t, "a 32-bit program; libcprof.so is 64-bit",
			      "only a 64-bit build of it can be profiled");
	if (t->elf.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
	    t->elf.e_machine != __ehdr_start.e_machine)
		return refuse(t, "built for another processor than libcprof.so",
			      "profile it on a machine of its own kind");
	return 0;
}

/* The kernel leaves set-id bits aside there, and the loader then trusts LD_PRELOAD. */
static bool privileges_are_off(const char *path)
{
	struct statvfs fs;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	       (!statvfs(path, &fs) && fs.f_flag & ST_NOSUID);
}

static int check_privileges(const struct target *t)
{
	struct stat st;

	if (fstat(t->fd, &st) || privileges_are_off(t->path))
		return 0;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return refuse(t, "set-uid: the loader ignores LD_PRELOAD for it",
			      "run cprof as the user it belongs to");
	if (st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getgid())
		return refuse(t, "set-gid: the loader ignores LD_PRELOAD for it",
			      "profile a copy without that bit");
	if (geteuid() && fgetxattr(t->fd, "security.capability", NULL, 0) > 0)
		return refuse(t, "has file capabilities: the loader ignores LD_PRELOAD for it",
			      "profile a copy without them, or run cprof as root");
	return 0;
}

static bool read_header(const struct target *t, size_t i, ElfW(Phdr) * ph)
{
	off_t at = (off_t)(t->elf.e_phoff + i * sizeof(*ph));

	return pread(t->fd, ph, sizeof(*ph), at) == (ssize_t)sizeof(*ph);
}

/* false: the file is cut short or malformed. */
static bool read_loader(struct target *t)
{
	ElfW(Phdr) ph;

	t->loader[0] = 0;
	if (t->elf.e_phentsize != sizeof(ph))
		return false;
	for (size_t i = 0; i < t->elf.e_phnum; i++) {
		size_t n;

		if (!read_header(t, i, &ph))
			return false;
		if (ph.p_type != PT_INTERP)
			continue;
		n = CP_MIN(ph.p_filesz, sizeof(t->loader) - 1);
		if (pread(t->fd, t->loader, n, (off_t)ph.p_offset) != (ssize_t)n)
			return false;
		t->loader[n] = 0;
		return true;
	}
	return true;
}

/* musl's loader and libc are one file: it goes by both names. */
static bool is_musl(const char *loader)
{
	const char *base = base_name(loader);

	return starts_with(base, "ld-musl") || !strcmp(base, "libc.so");
}

static bool is_foreign(const char *loader)
{
	const char *base = base_name(loader);

	return starts_with(base, "ld-uClibc") || starts_with(base, "ld64-uClibc") ||
	       !strcmp(base, "linker64");
}

static int check_loader(struct target *t)
{
	const char *base = base_name(t->path);

	if (!read_loader(t))
		return 0;
	if (is_musl(t->loader))
		return refuse(t, "built for musl; libcprof.so needs glibc's loader",
			      "only a build of it for glibc can be profiled");
	if (is_foreign(t->loader))
		return refuse(t, "built for another libc; libcprof.so needs glibc's loader",
			      "only a build of it for glibc can be profiled");
	if (!t->loader[0]) {
		/* glibc's loader itself, run by hand with a program to load */
		if (starts_with(base, "ld-linux") || starts_with(base, "ld-2.") ||
		    !strcmp(base, "ld.so"))
			return 0;
		return refuse(t,
			      t->elf.e_type == ET_DYN
				      ? "linked statically (static-PIE): nothing can be preloaded"
				      : "linked statically: nothing can be preloaded",
			      "only a dynamically linked build of it can be profiled");
	}
	if (access(t->loader, F_OK)) {
		cp_complain("%s: its loader %s is not there; the kernel can't start it", t->path,
			    t->loader);
		return CP_STATUS_NOT_FOUND;
	}
	return 0;
}

static int check_program(struct target *t)
{
	int status = check_machine(t);

	if (!status)
		status = check_privileges(t);
	return status ? status : check_loader(t);
}

/* ---- scripts ---------------------------------------------------------------- */

/* Cuts the next word off *rest; NULL when there is none. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");
	size_t n = strcspn(word, " \t");

	if (!n)
		return NULL;
	*rest = word + n + (word[n] != 0);
	word[n] = 0;
	return word;
}

/* "#!/usr/bin/env [-S] [NAME=VALUE] python3": env will run that one. */
static int check_what_env_runs(char *rest, int depth)
{
	char *word, *path;
	int status;

	do {
		word = next_word(&rest);
	} while (word && (*word == '-' || strchr(word, '=')));
	if (!word || cp_find_program(word, &path))
		return 0;
	status = check(path, depth + 1);
	free(path);
	return status;
}

static int check_script(const struct target *t, char *line, int depth)
{
	char *rest = line + 2;
	char *interpreter;
	int status;

	line[strcspn(line, "\n")] = 0;
	interpreter = next_word(&rest);
	if (!interpreter)
		return 0;
	if (access(interpreter, F_OK)) {
		cp_complain("%s: its interpreter %s is not there; the kernel can't start it",
			    t->path, interpreter);
		return CP_STATUS_NOT_FOUND;
	}
	status = check(interpreter, depth + 1);
	if (!status && !strcmp(base_name(interpreter), "env"))
		status = check_what_env_runs(rest, depth);
	return status;
}

static int check_open(struct target *t, int depth)
{
	char start[FIRST_LINE + 1];
	ssize_t n = pread(t->fd, start, FIRST_LINE, 0);

	if (n < 2)
		return 0;
	start[n] = 0;
	if (starts_with(start, "#!"))
		return check_script(t, start, depth);
	if ((size_t)n < sizeof(t->elf) || memcmp(start, ELFMAG, SELFMAG) != 0)
		return 0;
	memcpy(&t->elf, start, sizeof(t->elf));
	return check_program(t);
}

static int check(const char *path, int depth)
{
	struct target t = {.path = path};
	int status;

	if (depth > DEPTH_MAX)
		return 0;
	t.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (t.fd < 0)
		return 0;
	status = check_open(&t, depth);
	close(t.fd);
	return status;
}

int cp_target_check(const char *path)
{
	return check(path, 0);
}
