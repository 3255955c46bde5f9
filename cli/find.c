/* SPDX-License-Identifier: MIT */
/*
 * find.c - where a program's file is, by the rules of exec(3)
 *
 * Context  the cprof program.
 * Why      execvp looks by itself, but we must read the file before it is run.
 */
#include "find.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno == EACCES ? -EACCES : -ENOENT;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -EACCES : 0;
}

static int keep_if_executable(char *candidate, char **path)
{
	int err = candidate ? executable(candidate) : -ENOMEM;

	if (err)
		free(candidate);
	else
		*path = candidate;
	return err;
}

/* An empty element of PATH is the working directory. */
static char *joined(const char *dir, size_t len, const char *name)
{
	char *s;

	if (asprintf(&s, "%.*s%s/%s", (int)len, dir, len ? "" : ".", name) < 0)
		return NULL;
	return s;
}

static int search(const char *dirs, const char *name, char **path)
{
	int worst = -ENOENT;

	for (;;) {
		size_t len = strcspn(dirs, ":");
		int err = keep_if_executable(joined(dirs, len, name), path);

		if (!err)
			return 0;
		if (err == -EACCES)
			worst = err;
		if (!dirs[len])
			return worst;
		dirs += len + 1;
	}
}

int cp_find_program(const char *name, char **path)
{
	const char *dirs = getenv("PATH");

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return keep_if_executable(strdup(name), path);
	return search(dirs ? dirs : "/bin:/usr/bin", name, path);
}

static bool own_folder(char *dir, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", dir, cap - 1);
	char *slash;

	if (n > 0) {
		dir[n] = 0;
	} else { /* no /proc: as we were started */
		const char *started = (const char *)getauxval(AT_EXECFN);

		snprintf(dir, cap, "%s", started ? started : "");
	}
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	return slash;
}

/* A file beside this program, or where `make install` puts it relative to that. */
static char *find_installed(const char *beside, const char *file)
{
	static const char *const places[] = {"/../lib/%s-linux-gnu", "/../lib", "/../lib64"};
	char dir[PATH_MAX], *path, *real = NULL;
	struct utsname machine;

	if (!own_folder(dir, sizeof(dir)) || uname(&machine) ||
	    asprintf(&path, "%s/%s", dir, beside) < 0)
		return NULL;
	for (size_t i = 0; !real; i++) {
		char place[128];

		real = realpath(path, NULL);
		free(path);
		if (real || i == CP_ARRAY_LEN(places))
			break;
		snprintf(place, sizeof(place), places[i], machine.machine);
		if (asprintf(&path, "%s%s/%s", dir, place, file) < 0)
			break;
	}
	return real;
}

char *cp_find_library(void)
{
	return find_installed("libcprof.so", "libcprof.so");
}

char *cp_find_lines(void)
{
	return find_installed("cprof-lines", "cprof/cprof-lines");
}
