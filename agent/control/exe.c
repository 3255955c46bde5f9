/* SPDX-License-Identifier: MIT */
/*
 * exe.c - the name of the program we are in
 *
 * Context  EARLY: cp_exe_init
 * Calls    stat(2), readlink(2), getauxval.
 * Shared   st: written by cp_exe_init, read only after.
 * Fails    Without /proc the kernel's note of how it was started serves; then "unknown".
 */
#include "exe.h"

#include "../rt/sys.h"

#include <string.h>
#include <sys/auxv.h>

static struct {
	char name[97];
} st = {"unknown"};

static void take_name(const char *path)
{
	static const char gone[] = " (deleted)";
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strlen(base);

	if (len > sizeof(gone) - 1 && !strcmp(base + len - (sizeof(gone) - 1), gone))
		len -= sizeof(gone) - 1;
	len = CP_MIN(len, sizeof(st.name) - 1);
	if (!len)
		return;
	for (size_t i = 0; i < len; i++)
		st.name[i] = (unsigned char)base[i] <= ' ' || base[i] == 127 ? '_' : base[i];
	st.name[len] = 0;
}

/* The name it was started by, when that is this file and not a script it runs:
 * Debian's redis-server is a link to redis-check-rdb. */
static bool is_this_file(const char *started)
{
	struct stat exe, named;

	return CP_SYS(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &exe, 0) == 0 &&
	       CP_SYS(SYS_newfstatat, AT_FDCWD, started, &named, 0) == 0 &&
	       exe.st_dev == named.st_dev && exe.st_ino == named.st_ino &&
	       strncmp(started, "/proc/", 6) != 0 && strncmp(started, "/dev/fd/", 8) != 0;
}

void cp_exe_init(void)
{
	char path[4096];
	const char *started = (const char *)getauxval(AT_EXECFN);
	long n = CP_SYS(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof(path) - 1);

	if (started && (n <= 0 || is_this_file(started))) {
		take_name(started);
	} else if (n > 0) {
		path[n] = 0;
		take_name(path);
	}
}

const char *cp_exe_name(void)
{
	return st.name;
}
